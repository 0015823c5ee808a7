#!/usr/bin/env python3
"""Holds gdsim against a reference simulator on real traces.

    bench/sched_bars.py --refsim REFSIM [--gdsim GDSIM] TRACE.swf.gz...

REFSIM understands `--alg ALG --jobs-out FILE TRACE` and prints its figures as a line of JSON.
The bars, of each trace:

- same rules, same result: at least 99.5 % of the jobs start at the reference's second and the mean
  slowdown is within 1 %, first come first served without backfilling and under EASY;
- the defaults against the reference's EASY: mean slowdown at most 0.73 of it, mean wait at most
  1.00, the longest wait at most 1.5, utilization not lower by more than 0.2 points. A trace whose
  machine is offered more work than it can do is held to a longest wait of at most 1.3.

Exit status 1 if one is missed.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

SAME_START = 0.995
SLOWDOWN_WITHIN = 0.01
DEFAULTS = {"mean_bsld": 0.73, "mean_wait_s": 1.0, "max_wait_s": 1.5}
OVERLOADED = {"max_wait_s": 1.3}
OVERLOADED_FROM = 0.9  # utilization under EASY
UTILIZATION_WITHIN = 0.002
POLICIES = {
    "fcfs": ["--order=fcfs", "--policy=fifo"],
    "fcfs-easy": ["--order=fcfs", "--policy=easy"],
}


def figures(command):
    begin = time.monotonic()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    result["seconds"] = time.monotonic() - begin
    return result


def waits(path):
    with open(path, encoding="utf-8") as lines:
        rows = [line.split() for line in lines]
    return {(row[0], row[1]): row[2] for row in rows}


def same_rules(options, trace, folder):
    """Prints a line a policy; gives how many bars were missed."""
    missed = 0
    for alg, gdsim_options in POLICIES.items():
        theirs, ours = os.path.join(folder, "reference"), os.path.join(folder, "ours")
        reference = figures([options.refsim, "--alg", alg, "--jobs-out", theirs, trace])
        figure = figures([options.gdsim, *gdsim_options, "--json", "--jobs-out", ours, trace])
        expected, found = waits(theirs), waits(ours)
        same = sum(found.get(job) == wait for job, wait in expected.items()) / len(expected)
        off = abs(figure["mean_bsld"] / reference["mean_bsld"] - 1)
        good = same >= SAME_START and off <= SLOWDOWN_WITHIN and len(found) == len(expected)
        missed += not good
        print(
            f"{os.path.basename(trace)[:24]:24} {alg:10} {100 * same:8.3f} % same second, "
            f"slowdown {figure['mean_bsld']:.3f} / {reference['mean_bsld']:.3f}, "
            f"{figure['jobs']} jobs in {figure['seconds']:.1f} s"
            f"{'' if good else '   MISSED'}",
            flush=True,
        )
    return missed


def defaults(options, trace):
    """Prints a line; gives how many bars were missed."""
    reference = figures([options.refsim, "--alg", "fcfs-easy", trace])
    figure = figures([options.gdsim, "--json", trace])
    overloaded = reference["utilization"] >= OVERLOADED_FROM
    bars = OVERLOADED if overloaded else DEFAULTS
    ratios = {name: figure[name] / reference[name] for name in DEFAULTS}
    lost = reference["utilization"] - figure["utilization"]
    missed = sum(ratios[name] > most for name, most in bars.items())
    missed += not overloaded and lost > UTILIZATION_WITHIN
    print(
        f"{os.path.basename(trace)[:24]:24} {'defaults':10} of EASY: slowdown "
        f"{ratios['mean_bsld']:.2f}, wait {ratios['mean_wait_s']:.2f}, longest wait "
        f"{ratios['max_wait_s']:.2f}, utilization {-100 * lost:+.2f} points, "
        f"{figure['jobs']} jobs in {figure['seconds']:.1f} s"
        f"{'   MISSED' if missed else ''}",
        flush=True,
    )
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--refsim", required=True)
    parser.add_argument("--gdsim", default="build/gdsim/gdsim")
    parser.add_argument("traces", nargs="+", metavar="TRACE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        missed = sum(same_rules(options, trace, folder) for trace in options.traces)
    missed += sum(defaults(options, trace) for trace in options.traces)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
