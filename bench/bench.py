#!/usr/bin/env python3
"""The same measurements for gd and for Slurm, in one run.

  sudo bench/bench.py [--systems gd,slurm] [--only NAME,...] [--rounds 3] [--json FILE]

Needs a build (GD_BUILD, default ../build of this folder) and, for Slurm, Debian's
packages slurm-wlm slurm-client munge. The systems take turns, round by round, so
that both see the same mood of the machine; each figure is the median of the rounds.
Read the ratios: the absolute numbers are this machine's.
"""

import argparse
import json
import os
import pwd
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import systems  # noqa: E402
from cluster import wait_until  # noqa: E402

NULL = os.open("/dev/null", os.O_RDWR)


def as_user(system, argv, **keywords):
    entry = pwd.getpwnam(systems.USER)
    return subprocess.Popen(
        argv,
        env=system.environment,
        cwd=entry.pw_dir,
        stdin=subprocess.DEVNULL,
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        **keywords,
    )


def driver(system, code, *arguments):
    """Runs a small loop as the user in one process, so that only the commands count."""
    done = as_user(
        system,
        [systems.PYTHON, "-c", DRIVER + code, json.dumps(arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )
    return done


DRIVER = """
import json, os, sys, time
null = os.open('/dev/null', os.O_RDWR)
def once(argv, out=null):
    t = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[
        (os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, out, 1),
        (os.POSIX_SPAWN_DUP2, null, 2)])
    _, status = os.waitpid(pid, 0)
    return time.perf_counter() - t, os.waitstatus_to_exitcode(status)
arguments = json.loads(sys.argv[1])
"""

REPEAT = """
argv, count = arguments
once(argv)
print(json.dumps([once(argv) for _ in range(count)]))
"""

STAMP = """
argv, count, path = arguments
times = []
for i in range(count):
    name = path + str(i)
    t = time.time()
    once(argv + ['--wrap', 'date +%s.%N >' + name])
    while not (os.path.exists(name) and os.path.getsize(name) > 10): time.sleep(0.001)
    times.append([float(open(name).read()) - t, 0])
    os.unlink(name)
print(json.dumps(times))
"""


def collect(processes):
    results = []
    for process in processes:
        out, _ = process.communicate()
        if process.returncode != 0:
            raise SystemExit(f"bench: a client failed with exit code {process.returncode}")
        results.extend(json.loads(out))
    failed = [r for r in results if r[1] != 0]
    if failed:
        raise SystemExit(f"bench: {len(failed)} of {len(results)} commands failed")
    return [r[0] for r in results]


def repeat(system, argv, count, clients=1):
    start = time.perf_counter()
    times = collect([driver(system, REPEAT, argv, count // clients) for _ in range(clients)])
    return times, time.perf_counter() - start


def milliseconds(times):
    return round(1000 * statistics.median(times), 2)


def queue_length(system):
    done = as_user(
        system, system.queue + ["-h", "-u", systems.USER], stdout=subprocess.PIPE, text=True
    )
    return done.communicate()[0].count("\n")


def wait_empty(system, pause=0.02):
    """A look at the queue costs the controller something too: `pause` keeps that small."""

    def empty():
        time.sleep(pause)
        return queue_length(system) == 0

    wait_until("the queue is empty", empty, 600)


def clear(system):
    if queue_length(system):
        as_user(system, system.cancel + ["-u", systems.USER]).wait()
        wait_empty(system)


def memory_kib(system):
    with open(f"/proc/{system.controller_pid()}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def controller_cpu(system):
    with open(f"/proc/{system.controller_pid()}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- the measurements: each gives {figure: value}


def submit_latency(system):
    argv = system.submit + system.out + system.hold + [system.wrap, "true"]
    times, _ = repeat(system, argv, 60)
    clear(system)
    return {"submit, start to exit, ms": milliseconds(times)}


def queue_latency(system):
    times, _ = repeat(system, system.queue, 60)
    return {"queue, empty, ms": milliseconds(times)}


def submit_to_running(system):
    path = os.path.join(pwd.getpwnam(systems.USER).pw_dir, ".bench-stamp-")
    times = collect([driver(system, STAMP, system.submit + system.out, 40, path)])
    times.sort()
    return {
        "submit to running, median, ms": milliseconds(times),
        "submit to running, slowest of 40, ms": round(1000 * times[-1], 1),
    }


def submissions(system):
    argv = system.submit + system.out + system.hold + [system.wrap, "true"]
    figures = {}
    for clients, count in ((1, 200), (8, 800)):
        _, seconds = repeat(system, argv, count, clients)
        figures[f"submissions, {clients} client{'s' * (clients > 1)}, a second"] = round(
            count / seconds, 1
        )
    clear(system)
    return figures


def thousand_jobs(system):
    cpu = controller_cpu(system)
    start = time.perf_counter()
    repeat(system, system.submit + system.out + [system.wrap, "true"], 1000 - 8, 8)
    wait_empty(system, pause=0.1)
    seconds = time.perf_counter() - start
    return {
        "1,000 true jobs, 8 clients, jobs a second": round(1000 / seconds, 1),
        "controller's CPU a job, ms": round(1000 * (controller_cpu(system) - cpu) / 1000, 3),
    }


def run_true(system):
    times, _ = repeat(system, system.run + ["/bin/true"], 40)
    wait_empty(system)
    return {"run true, start to exit, ms": milliseconds(times)}


def pending_memory_and_restart(system):
    count = int(os.environ.get("BENCH_PENDING", "10000"))
    before = memory_kib(system)
    repeat(system, system.submit + system.out + system.hold + [system.wrap, "true"], count, 8)
    after = memory_kib(system)
    figures = {f"memory a pending job, of {count}, KiB": round((after - before) / count, 2)}
    times, _ = repeat(system, system.queue, 7)
    figures[f"queue of {count} jobs, ms"] = milliseconds(times)
    time.sleep(
        float(os.environ.get("BENCH_SETTLE", "12"))
    )  # slurm writes its state every few seconds
    system.kill_controller()
    start = time.perf_counter()
    system.start_controller()
    wait_until("the queue is back", lambda: queue_length(system) >= count, 300)
    figures[f"restart with {count} jobs, to the whole queue, s"] = round(
        time.perf_counter() - start, 2
    )
    start = time.perf_counter()
    as_user(system, system.cancel + ["-u", systems.USER]).wait()
    wait_empty(system)
    figures[f"cancel of {count} jobs, to the empty queue, s"] = round(
        time.perf_counter() - start, 2
    )
    return figures


def lost_after_kill(system):
    argv = system.submit + system.out + system.hold + [system.wrap, "true"]
    repeat(system, argv, 199)  # and one to warm up: 200 acknowledged
    system.kill_controller()
    system.start_controller()
    wait_until(
        "the controller answers",
        lambda: as_user(system, system.queue, stdout=NULL, stderr=NULL).wait() == 0,
        120,
    )
    lost = 200 - queue_length(system)
    clear(system)
    return {"lost of 200 acknowledged after kill -9": lost}


MEASUREMENTS = {
    f.__name__: f
    for f in (
        submit_latency,
        queue_latency,
        submit_to_running,
        submissions,
        thousand_jobs,
        run_true,
        lost_after_kill,
        pending_memory_and_restart,
    )
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", default="gd,slurm")
    parser.add_argument("--only", default=",".join(MEASUREMENTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    options = parser.parse_args()
    running = {name: systems.SYSTEMS[name]().start() for name in options.systems.split(",")}
    figures = {name: {} for name in running}
    try:
        for round_number in range(options.rounds):
            for measurement in options.only.split(","):
                for name, system in running.items():
                    print(f"round {round_number + 1}: {measurement} on {name}", file=sys.stderr)
                    for figure, value in MEASUREMENTS[measurement](system).items():
                        figures[name].setdefault(figure, []).append(value)
    finally:
        for system in running.values():
            system.stop()
    report(figures)
    if options.json:
        with open(options.json, "w") as f:
            json.dump(figures, f, indent=1)


def report(figures):
    names = list(figures)
    rows = list(dict.fromkeys(figure for name in names for figure in figures[name]))
    print(
        f"{'median of the rounds':52}"
        + "".join(f"{name:>12}" for name in names)
        + ("       ratio" if len(names) == 2 else "")
    )
    for row in rows:
        values = [statistics.median(figures[name].get(row, [float("nan")])) for name in names]
        line = f"{row:52}" + "".join(f"{value:12}" for value in values)
        if len(values) == 2 and values[1]:
            line += f"{values[0] / values[1]:12.3f}"
        print(line)


if __name__ == "__main__":
    main()
