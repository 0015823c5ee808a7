#!/usr/bin/env python3
"""squeue, sinfo and sacct with a full queue, beside Slurm's in the same run.

  sudo bench/listing_bench.py [--jobs 100000] [--rounds 5] [--systems gd,slurm] [--json FILE]

In each system one job has its node to itself and the others, all alike, wait for it, so that
nothing starts or ends meanwhile and sacct counts them as waiting. Slurm has slurmdbd over MariaDB,
without which it has no sacct. The commands are run under Slurm's names, as an ordinary user, with
the same arguments, the systems in turn round by round; time is from start to exit with the output
thrown away. Then all jobs are cancelled, and sacct lists them as ended. Needs what
`tools/deps.sh bench` installs, and a build with bench/queue_bench (GD_BUILD). Read the ratios.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench  # noqa: E402
import systems  # noqa: E402
from cluster import wait_until  # noqa: E402

QUEUE = {
    "squeue, all": ["squeue"],
    "squeue, ids and states": ["squeue", "-h", "-o", "%i %T"],
    "squeue, one user's": ["squeue", "-u", systems.USER],
    "squeue, one job": ["squeue", "-j", "{job}"],
    "sinfo": ["sinfo"],
    "sinfo, a line a node": ["sinfo", "-N", "-l"],
}
WAITING = {
    "sacct, all that wait": ["sacct", "-a", "-X", "-S", "now-12hours"],
    "sacct, one job": ["sacct", "-X", "-j", "{job}"],
}
ENDED = {
    "sacct, all that ended": ["sacct", "-a", "-X", "-S", "now-12hours", "-s", "CA"],
    "sacct, one that ended": ["sacct", "-X", "-j", "{job}"],
}


def rows(system, argv):
    done = bench.as_user(system, argv, stdout=subprocess.PIPE, text=True)
    return done.communicate()[0].splitlines()


def fill(system, jobs):
    begin = time.perf_counter()
    blocker = system.out + ["--exclusive", "-J", "listed", system.wrap, "sleep 86400"]
    bench.as_user(system, system.submit + blocker, stdout=bench.NULL).wait()
    wait_until("one runs", lambda: rows(system, system.queue + ["-h", "-t", "R"]), 60)
    if bench.as_user(system, system.fill_with(jobs), stdout=bench.NULL).wait() != 0:
        raise SystemExit(f"listing_bench: {system.name} did not take {jobs} jobs")
    print(
        f"{system.name}: {jobs} submissions, one client, "
        f"{jobs / (time.perf_counter() - begin):.0f} a second",
        file=sys.stderr,
    )
    return rows(system, [system.tool("squeue"), "-h", "-o", "%i"])[0]


def run_listing(system, words, job, at_least):
    """Milliseconds; first it is looked whether it says what it is timed for."""
    argv = [system.tool(words[0])] + [word.format(job=job) for word in words[1:]]
    said = len(rows(system, argv))
    if said < at_least:
        raise SystemExit(f"listing_bench: {' '.join(argv)} gave {said} lines, not {at_least}")
    return bench.milliseconds(bench.repeat(system, argv, 1)[0])


def measure(running, listings, jobs, options, figures):
    for number in range(options.rounds):
        for name, words in listings.items():
            everything = "all" in name or "user" in name or "ids" in name
            for system in running:
                value = run_listing(
                    system, words, jobs[system.name], options.jobs if everything else 1
                )
                figures[system.name].setdefault(name + ", ms", []).append(value)
                print(f"round {number + 1}: {name}, {system.name}: {value} ms", file=sys.stderr)


def wait_for_accounting(running, options, *state):
    """slurmdbd hears of jobs behind their backs, and of so many some minutes late."""
    for system in running:
        listing = [system.tool("sacct"), "-a", "-X", "-n", "-S", "now-12hours", *state]
        wait_until(
            f"{system.name}'s accounting knows of all",
            lambda: time.sleep(1) or len(rows(system, listing)) >= options.jobs,
            1200,
        )


def cancel_all(running):
    for system in running:
        bench.as_user(system, system.cancel + ["-u", systems.USER]).wait()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--systems", default="gd,slurm")
    parser.add_argument("--json")
    options = parser.parse_args()
    make = {"gd": systems.Gd, "slurm": lambda: systems.Slurm(accounting=True)}
    running = []
    figures = {name: {} for name in options.systems.split(",")}
    try:
        for name in figures:
            running.append(make[name]())
            running[-1].start()
        jobs = {system.name: fill(system, options.jobs) for system in running}
        measure(running, QUEUE, jobs, options, figures)
        wait_for_accounting(running, options)
        measure(running, WAITING, jobs, options, figures)
        for system in running:
            figures[system.name]["controller's memory, MiB"] = [bench.memory_kib(system) // 1024]
        cancel_all(running)
        wait_for_accounting(running, options, "-s", "CA")
        measure(running, ENDED, jobs, options, figures)
    finally:
        for system in running:
            system.stop()
    bench.report(figures)
    if options.json:
        with open(options.json, "w") as f:
            json.dump(figures, f, indent=1)


if __name__ == "__main__":
    main()
