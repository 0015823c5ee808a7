#!/usr/bin/env python3
"""A full queue and a thousand nodes: what one request waits for while the controller plans.

  sudo bench/scale_bench.py [--jobs 100000] [--nodes 1000] [--shapes 2000] [--rounds 3]
                            [--samples 100] [--seconds 60] [--perf FILE] [--json FILE]

A real gdctld with its database and its keys; the nodes are stand-ins in one process
(tests/stand_in), each with its own key and connection, 16 cpus and 64 GiB. They are full of
jobs that run 60 to 120 s, so ends and starts come all the time and passes with them. 20 nodes
are a partition apart, with room: a job submitted there can start at once, and the probe waits
for the word that it runs. Listings are run as commands, under Slurm's names. Each figure is
the median of the rounds; needs a build with build/bench/queue_bench. Read the ratios: the
absolute numbers are this machine's, whose processors nodes, controller and probe share.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/system"))
import cluster  # noqa: E402
from stand_in import StandInCluster  # noqa: E402

PROBE_NODES = 20
LISTINGS = {
    "squeue": ["squeue"],
    "sacct, those of the last hour": ["sacct", "-a", "-X", "-S", "now-1hours"],
    "sinfo": ["sinfo"],
    "sinfo, a line a node": ["sinfo", "-N", "-l"],
}


def start_cluster(options):
    busy = options.nodes - PROBE_NODES
    c = StandInCluster(
        f"n[1-{options.nodes}]",
        config="max_jobs = 2000000\nmin_job_age = 10s\nallow_root_jobs = yes\n",
        partitions=f"[partition batch]\ndefault = yes\nnodes = n[1-{busy}]\n"
        f"[partition probe]\nnodes = n[{busy + 1}-{options.nodes}]\n",
    )
    c.start()
    return c


def queue_bench(c, *words):
    """What it printed: {figure: [values]}."""
    done = subprocess.run(
        [os.path.join(cluster.BUILD, "bench", "queue_bench"), *map(str, words)],
        env=dict(os.environ, GD_CONF=c.conf, HOME=c.dir),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"scale_bench: {done.stderr.strip()}")
    figures = {}
    for line in done.stdout.splitlines():
        name, value = line.split("\t")
        figures.setdefault(name, []).append(float(value))
    return figures


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) / 1024


def passes(c):
    done = c.admin("sdiag", "--json", env={"PATH": c.slurm_path()})
    return json.loads(done.ok().out)["statistics"]


def settle(c, options):
    """Until the machine is full: no more room for the first in line."""

    def full():
        allocated = len(c.run("root", "gdstat", "-h", "-t", "R", "-o", "%i").out.splitlines())
        previous, settle.running = getattr(settle, "running", -1), allocated
        return allocated > options.nodes and allocated <= previous * 1.01

    cluster.wait_until("the nodes are full", full, 600)
    return settle.running


def one_round(c, options):
    pid, stand_in = c.controller.process.pid, c.stand_in.pid
    c.admin("sdiag", "--reset", env={"PATH": c.slurm_path()}).ok()
    begin, cpu, others = time.monotonic(), processor_seconds(pid), processor_seconds(stand_in)
    samples = queue_bench(c, "probe", options.samples, "probe")
    figures = {}
    for name, values in samples.items():
        values.sort()
        if name == "jobs in the queue":
            figures[name] = round(values[len(values) // 2])
            continue
        figures[name + ", p50, ms"] = round(statistics.median(values), 2)
        figures[name + ", p99, ms"] = round(values[int(0.99 * (len(values) - 1) + 0.5)], 2)
    for name, argv in LISTINGS.items():
        before = time.perf_counter()
        c.admin(*argv, env={"PATH": c.slurm_path()}, timeout=120).ok()
        figures[name + ", the command, ms"] = round(1000 * (time.perf_counter() - before))
    stats, seconds = passes(c), time.monotonic() - begin
    figures["passes a second"] = round(stats["schedule_cycle_total"] / seconds, 1)
    figures["a pass, mean, ms"] = round(stats["schedule_cycle_mean"] / 1000, 1)
    figures["a pass, longest, ms"] = round(stats["schedule_cycle_max"] / 1000, 1)
    figures["jobs started a second"] = round(stats["jobs_started"] / seconds, 1)
    figures["controller's processors in use"] = round((processor_seconds(pid) - cpu) / seconds, 2)
    figures["the nodes' processors in use"] = round(
        (processor_seconds(stand_in) - others) / seconds, 2
    )
    figures["controller's memory, MiB"] = round(memory_mib(pid))
    return figures


def report(rounds):
    for name in dict.fromkeys(name for figures in rounds for name in figures):
        values = [figures[name] for figures in rounds if name in figures]
        print(f"{name:45}{statistics.median(values):12}   {values}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (
        ("jobs", 100_000),
        ("nodes", 1000),
        ("shapes", 2000),
        ("rounds", 3),
        ("samples", 100),
        ("seconds", 60),
    ):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--perf", help="record the controller into FILE during the rounds")
    parser.add_argument("--json")
    options = parser.parse_args()
    c = start_cluster(options)
    try:
        begin = time.monotonic()
        filled = queue_bench(c, "fill", options.jobs, options.shapes, options.seconds)
        for name, values in filled.items():
            print(f"{name:45}{values[0]:12.0f}")
        running = settle(c, options)
        print(f"{'jobs that run':45}{running:12}, after {time.monotonic() - begin:.0f} s")
        recorder = None
        if options.perf:
            recorder = subprocess.Popen(
                ["perf", "record", "-q", "-g", "-o", options.perf]
                + ["-p", str(c.controller.process.pid)]
            )
        rounds = [one_round(c, options) for _ in range(options.rounds)]
        if recorder:
            recorder.terminate()
            recorder.wait()
    except BaseException:
        c.show_logs()
        raise
    finally:
        c.controller.kill()  # to cancel so many first would take longer
        c.close_quietly()
    report(rounds)
    if options.json:
        with open(options.json, "w") as f:
            json.dump(rounds, f, indent=1)


if __name__ == "__main__":
    main()
