"""Scenarios of tests/scenarios in real time: a cluster as the file says, its jobs submitted at
their seconds, and what became of each beside what the file expects. The same files go through
gdsim and the controller's core in a unit test. All at once, each in a cluster of its own."""

import concurrent.futures
import contextlib
import glob
import os
import pwd
import tempfile
import time
import unittest

from client_case import slurm_names
from cluster import USERS, Cluster, installation

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {"alice": USERS[0], "bob": USERS[1]}
TOLERANCE = 1.5  # seconds that two busy cores may add; the files' moments are 3 apart

# Notes when each life of the job begins and ends, also when it is told to end.
SCRIPT = """#!/bin/bash
note() { echo "$1 {id} $(date +%s.%N)" >> {log}; }
note start
trap 'note end; exit 1' TERM
sleep {run} & wait $!
note end
"""


class Scenario:
    """The lines of a file, by kind; words by key. Only what a real cluster is made of here."""

    def __init__(self, path):
        self.lines = {}
        with open(path, encoding="utf-8") as f:
            for line in f:
                if not line.strip() or line.startswith("#"):
                    continue
                kind, name, *words = line.split()
                pairs = dict(word.partition("=")[::2] for word in words)
                self.lines.setdefault(kind, []).append((name, pairs))

    def of(self, kind):
        return self.lines.get(kind, [])

    def cpus(self):
        (cpus,) = {words["cpus"] for _, words in self.of("node")}  # equal nodes
        return cpus

    def settings(self):
        text = ""
        for kind, words in self.of("preempt"):
            text += f"preempt_type = {kind}\npreempt_mode = {words['mode']}\n"
        return text

    def sections(self):
        text = "[partition batch]\nnodes = ALL\n"
        for kind in ("qos", "license"):
            for name, words in self.of(kind):
                text += f"[{kind} {name}]\n"
                text += "".join(f"{key} = {value}\n" for key, value in words.items())
        return text


OPTIONS = {
    "cpus": lambda value, jobs: ["-c", value],
    "limit": lambda value, jobs: ["-t", "0:" + value],
    "list": lambda value, jobs: ["-N", "1", "-w", value],
    "qos": lambda value, jobs: ["-q", value],
    "licenses": lambda value, jobs: ["-L", value],
    "reservation": lambda value, jobs: ["--reservation", value],
    "after": lambda value, jobs: [
        "-d",
        "afterany:" + ":".join(str(jobs[other]) for other in value.split(",")),
    ],
}


class Run:
    """One scenario in a cluster of its own."""

    def __init__(self, scenario, cluster, stack):
        self.scenario, self.c = scenario, cluster
        self.logs = {}
        for user in USERS:
            entry = pwd.getpwnam(user)
            home = tempfile.TemporaryDirectory(prefix="scenario-", dir=entry.pw_dir)
            stack.callback(home.cleanup)
            os.chown(home.name, entry.pw_uid, entry.pw_gid)
            self.logs[user] = os.path.join(home.name, "log")
        self.jobs = {}

    def reserve(self, start):
        for name, words in self.scenario.of("reserve"):
            nodes = ",".join("n" + number for number in words["nodes"].split(","))
            at = [
                time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(start + int(words[edge])))
                for edge in ("start", "end")
            ]
            self.c.run(
                "root", "scontrol", "create", "reservation", f"ReservationName={name}",
                f"StartTime={at[0]}", f"EndTime={at[1]}", f"Nodes={nodes}",
                "Users=" + ",".join(USERS), env={"PATH": slurm_names() + ":/usr/bin:/bin"},
            ).ok()  # fmt: skip

    def submit(self, name, words):
        user = NAMES[words.pop("user")]
        script = SCRIPT.replace("{id}", name).replace("{log}", self.logs[user])
        script = script.replace("{run}", words.pop("run"))
        options = [option for key in words for option in OPTIONS[key](words[key], self.jobs)]
        self.jobs[name] = self.c.submit(
            user, "-o", "/dev/null", "--mem=20", "--requeue", *options, script=script
        )

    def play(self):
        start = int(time.time()) + 1  # a reservation begins with a whole second
        self.reserve(start)
        for name, words in sorted(self.scenario.of("queue"), key=lambda row: int_at(row[1])):
            words = dict(words)
            due = start + int(words.pop("at", 0))
            time.sleep(max(0, due - time.time()))
            self.submit(name, words)
        for number in self.jobs.values():
            self.c.wait_end(number)
        return self.differences(start)

    def differences(self, start):
        """A line for each job that went another way."""
        seen = {}
        for log in self.logs.values():
            for line in self.c.read(log).splitlines():
                edge, name, at = line.split()
                seen.setdefault((name, edge), []).append(float(at) - start)
        wrong = []
        for name, words in self.scenario.of("expect"):
            for edge in ("start", "end"):
                asked = [int(at) for at in words.get(edge, "").split(",") if at]
                real = seen.get((name, edge), []) if asked else []
                close = len(asked) == len(real) and all(
                    -0.1 < b - a < TOLERANCE for a, b in zip(asked, real)
                )
                if not close:
                    wrong.append(f"job {name}: {edge} {asked} expected, {real} seen")
            nodes = self.c.job(self.jobs[name])["nodes"]
            if words.get("on", nodes) != nodes:
                wrong.append(f"job {name}: on {words['on']} expected, {nodes} seen")
        return wrong


def int_at(words):
    return int(words.get("at", 0))


def play(path):
    scenario = Scenario(path)
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(
            Cluster(
                nodes=len(scenario.of("node")),
                config=scenario.settings() + "kill_wait = 2s\n",
                node_config=f"cpus = {scenario.cpus()}\n",
                partitions=scenario.sections(),
            )
        )
        return Run(scenario, cluster, stack).play()


class Scenarios(unittest.TestCase):
    def test_the_daemon_does_what_the_files_expect(self):
        installation()  # once, before there are threads
        paths = sorted(glob.glob(os.path.join(HERE, "..", "scenarios", "short_*.txt")))
        self.assertGreater(len(paths), 2)
        with concurrent.futures.ThreadPoolExecutor(len(paths)) as pool:
            for path, wrong in zip(paths, pool.map(play, paths)):
                with self.subTest(os.path.basename(path)):
                    self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
