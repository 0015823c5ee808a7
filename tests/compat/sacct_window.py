#!/usr/bin/env python3
"""The window of time of sacct, asked of real Slurm with slurmdbd and of gd: the same jobs found?

    tests/compat/sacct_window.py     as root; about 90 s

Both systems have the same five jobs: A has completed, B has failed, C runs, D is held, E may
begin in an hour. Asked is every combination of -j, -s, -S and -E below. Fails if one differs.
"""

import itertools
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../bench"), os.path.join(HERE, "../system")]
os.environ.setdefault("BENCH_CPUS", str(os.cpu_count()))
os.environ.setdefault("PROFILE", "default")
import systems  # noqa: E402
from client_case import slurm_names  # noqa: E402
from cluster import wait_until  # noqa: E402

STATES = ["", "-s CD", "-s F,CD", "-s R", "-s PD", "-s R,PD"]
WINDOWS = ["", "-S {zero}", "-S {a}", "-S {b}", "-E {a}", "-E {c}", "-S {zero} -E {a}"]
WINDOWS += ["-S {b} -E {c}", "-S {c} -E {now}", "-S {a} -E {now}", "-S {zero} -E {zero}"]
APART = 2  # seconds between what happens and the moments asked for


def shell(system, line):
    env = dict(system.environment)
    if system.name == "gd":
        env["PATH"] = slurm_names() + ":" + env["PATH"]
    argv = ["runuser", "-u", systems.USER, "--", "env"]
    argv += [f"{key}={value}" for key, value in env.items()] + ["sh", "-c", line]
    done = subprocess.run(argv, capture_output=True, text=True, cwd="/tmp", check=False)
    return (done.stdout + done.stderr).strip()


class Story:
    """The five jobs, and moments between what happens to them."""

    def __init__(self, system):
        self.system, self.moments, self.names = system, {}, {}
        self.mark("zero")
        self.submit("A", "--wrap 'sleep 6'", "RUNNING")
        self.mark("a")
        self.wait("A", "COMPLETED")
        self.mark("b")
        self.submit("B", "--wrap 'exit 3'", "FAILED")
        self.mark("c")
        self.submit("C", "--wrap 'sleep 900'", "RUNNING")
        self.submit("D", "-H --wrap true", "PENDING")
        self.submit("E", "-b now+1hour --wrap true", "PENDING")
        time.sleep(8)  # slurmdbd hears of it behind our backs
        self.mark("now")

    def submit(self, name, options, state):
        self.names[name] = shell(self.system, f"sbatch --parsable -o /dev/null {options}")
        self.wait(name, state)

    def wait(self, name, state):
        show = f"scontrol show job {self.names[name]}"
        wait_until(f"{name} is {state}", lambda: f"JobState={state}" in shell(self.system, show))

    def mark(self, name):
        time.sleep(APART)
        self.moments[name] = time.strftime("%Y-%m-%dT%H:%M:%S")
        time.sleep(APART)

    def ask(self, options):
        found = shell(self.system, "sacct -X -n -P -o JobID " + options.format(**self.moments))
        letters = {number: name for name, number in self.names.items()}
        words = [letters.get(word, word) for word in found.split()]
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:]{8}", "MOMENT", " ".join(words))


def answers(system):
    system.start()
    try:
        story = Story(system)
        named = "-j " + ",".join(story.names.values())
        asked = {}
        for jobs, states, window in itertools.product(("", named), STATES, WINDOWS):
            line = " ".join(filter(None, ("-j ALL" if jobs else "", states, window)))
            asked[line] = story.ask(" ".join((jobs, states, window)))
        shell(system, f"scancel -u {systems.USER}")
        return asked
    finally:
        system.stop()


def main():
    gd, slurm = answers(systems.Gd()), answers(systems.Slurm(accounting=True))
    differ = [line for line in slurm if slurm[line] != gd[line]]
    for line in differ:
        print(f"sacct {line}\n  slurm: {slurm[line]}\n  gd:    {gd[line]}")
    print(f"{len(slurm)} lines, {len(differ)} differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
