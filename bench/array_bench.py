#!/usr/bin/env python3
"""An array of a million elements: one call, one record, and elements that are counted right.

  sudo bench/array_bench.py [--elements 1000000] [--run 20000] [--rounds 5] [--json FILE]

A real gdctld with its database; the nodes are stand-ins in one process (tests/stand_in), whose
jobs are timers. Each round submits the array held, lists it, and cancels it. Then one more is cut
down by a scancel of a range to the first --run elements, released, and run to its end; what sacct
has of it is counted. Times are of the whole command; the controller's memory is looked at before
and after. Needs a build with tests/stand_in (GD_BUILD).
"""

import argparse
import collections
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/system"))
from cluster import wait_until  # noqa: E402
from scale_bench import memory_mib, report  # noqa: E402
from stand_in import StandInCluster  # noqa: E402


def slurm(c, *argv):
    """What it printed, and its milliseconds."""
    begin = time.perf_counter()
    done = c.admin(*argv, env={"PATH": c.slurm_path()}, timeout=120).ok()
    return done.out.strip(), round(1000 * (time.perf_counter() - begin), 1)


def submit(c, elements):
    return slurm(
        c,
        "sbatch",
        "--parsable",
        "-H",
        f"--array=0-{elements - 1}",
        "-o",
        "/dev/null",
        "--wrap",
        ":",
    )


def must_be(what, is_, should):
    if is_ != should:
        raise SystemExit(f"array_bench: {what}: {is_}, not {should}")


def one_round(c, elements):
    pid = c.controller.process.pid
    figures = {"controller's memory before, MiB": round(memory_mib(pid), 1)}
    array, figures["sbatch, ms"] = submit(c, elements)
    figures["controller's memory with it waiting, MiB"] = round(memory_mib(pid), 1)
    listed, figures["squeue, ms"] = slurm(c, "squeue", "-h", "-o", "%i %T")
    must_be("squeue", listed, f"{array}_[0-{elements - 1}] PENDING")
    _, figures["scancel of all, ms"] = slurm(c, "scancel", array)
    return figures


def run_some(c, options):
    array, _ = submit(c, options.elements)
    figures = {}
    _, figures["scancel of a range, ms"] = slurm(
        c, "scancel", f"{array}_[{options.run}-{options.elements - 1}]"
    )
    must_be("squeue", slurm(c, "squeue", "-h", "-o", "%i")[0], f"{array}_[0-{options.run - 1}]")
    begin = time.perf_counter()
    slurm(c, "scontrol", "release", array)
    wait_until("all have run", lambda: not slurm(c, "squeue", "-h", "-t", "PD,CF,R,CG")[0], 600)
    figures["elements run, a second"] = round(options.run / (time.perf_counter() - begin))
    said, figures["sacct of it, ms"] = slurm(
        c, "sacct", "-n", "-X", "-P", "-j", array, "-o", "jobid,state"
    )
    rows = [line.split("|") for line in said.splitlines()]
    states = collections.Counter(state.split()[0] for _, state in rows)
    must_be("elements that ended", states["COMPLETED"], options.run)
    must_be("numbers of their own", len({job for job, _ in rows}), len(rows))
    rest = [job for job, state in rows if state.startswith("CANCELLED")]
    must_be("the rest", rest, [f"{array}_[{options.run}-{options.elements - 1}]"])
    figures["controller's memory after it, MiB"] = round(memory_mib(c.controller.process.pid), 1)
    return figures


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("elements", 1_000_000), ("run", 20_000), ("rounds", 5)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--json")
    options = parser.parse_args()
    c = StandInCluster(
        "n[1-20]",
        config=f"max_jobs = 4000000\nmax_array_size = {options.elements + 1}\n"
        "min_job_age = 1s\nallow_root_jobs = yes\n",
    )
    c.start()
    try:
        rounds = [one_round(c, options.elements) for _ in range(options.rounds)]
        rounds.append(run_some(c, options))
    finally:
        c.close()
    report(rounds)
    if options.json:
        with open(options.json, "w") as f:
            json.dump(rounds, f, indent=1)


if __name__ == "__main__":
    main()
