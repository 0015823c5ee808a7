#!/usr/bin/env python3
"""The same command lines to real Slurm and to gd: equal bytes and exit codes, or a reason why not.

    tests/compat/compat.py [-v] [WORD]     as root; WORD: only the lines that contain it

table.txt beside this file has one command line a line, and behind a line that differs an
indented "differs: REASON". A difference without a reason fails, and so does a reason without a
difference. Both systems hold the same jobs: $RUN runs, $HELD is held, $DONE has ended well, $FAIL
ended with exit code 3, $KILL was cancelled while it ran. Masked before the comparison: what two
systems cannot share, that is moments, elapsed times, the
ids of later submissions and the name of the cluster. Runs of blanks count as one.
"""

import difflib
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../bench"), os.path.join(HERE, "../system")]
os.environ.setdefault("BENCH_CPUS", str(os.cpu_count()))
os.environ.setdefault("PROFILE", "default")
import systems  # noqa: E402
from cluster import Cluster, Failure, find, installation, wait_until  # noqa: E402

JOBS = {  # name: (sbatch's arguments, state to wait for)
    "DONE": (["-J", "done", "--wrap", "true"], "COMPLETED"),
    "FAIL": (["-J", "fail", "--wrap", "exit 3"], "FAILED"),
    "KILL": (["-J", "kill", "--wrap", "sleep 600"], "CANCELLED"),
    "HELD": (
        ["-J", "held", "-H", "--mem=100", "-t", "90", "--comment", "a b", "--wrap", "true"],
        "PENDING",
    ),
    "RUN": (["-J", "run", "-t", "1-0", "--mem=100", "--wrap", "sleep 900"], "RUNNING"),
}
MASKS = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "MOMENT"),
    (r"\b[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4}", "DATE"),
    (r"\b0:\d\d\b", "ELAPSED"),
    (r"\b00:00:\d\d\b", "ELAPSED"),
    (r"\b23:59:\d\d\b", "LEFT"),
]


class Side:
    """One system, its five jobs, and how its outputs are made comparable."""

    def __init__(self, name, run, names):
        self.name, self.run_shell, self.names = name, run, names
        self.ids = {}

    def shell(self, line):
        return self.run_shell(line, {key: value for key, value in self.ids.items()})

    def state_of(self, job):
        return self.shell(f"squeue -h -t all -j {job} -o %T").out.strip()

    def submit_jobs(self):
        for name, (arguments, state) in JOBS.items():
            quoted = " ".join("'" + a + "'" for a in arguments)
            done = self.shell(f"sbatch --parsable -o /dev/null {quoted}").ok()
            job = self.ids[name] = done.out.strip().split(";")[0]
            if name == "KILL":
                wait_until(f"{self.name}: {name} runs", lambda: self.state_of(job) == "RUNNING")
                self.shell(f"scancel {job}").ok()
            wait_until(f"{self.name}: {name} is {state}", lambda: self.state_of(job) == state)

    def masked(self, text):
        for word, mask in self.names:
            text = re.sub(rf"\b{re.escape(word)}\b", mask, text)
        text = re.sub(r"(Submitted batch job )\d+", r"\1N", text)
        for pattern, mask in MASKS:
            text = re.sub(pattern, mask, text)
        return re.sub(r" +", " ", text)

    def answer(self, line):
        done = self.shell(line)
        return {
            "stdout": self.masked(done.out),
            "stderr": self.masked(done.err),
            "exit": str(done.status),
        }


class Table:
    """Lines of table.txt as (command, reason or None)."""

    def __init__(self, path):
        self.rows = []
        with open(path, encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                if not line.strip() or line.startswith("#"):
                    continue
                reason = re.match(r"\s+differs: (.+)", line)
                if reason and self.rows and self.rows[-1][1] is None:
                    self.rows[-1] = (self.rows[-1][0], reason[1].strip())
                elif reason or line[0].isspace():
                    raise SystemExit(f"{path}:{number}: a reason belongs behind its command line")
                else:
                    self.rows.append((line.strip(), None))


def difference(slurm, gd):
    out = []
    for part in ("exit", "stdout", "stderr"):
        if slurm[part] != gd[part]:
            lines = difflib.unified_diff(
                slurm[part].splitlines(), gd[part].splitlines(), "slurm", "gd", n=0, lineterm=""
            )
            out += [
                f"    {part}: {line}"
                for line in list(lines)[2:] or ["only the end of the last line"]
            ]
    return out


def compare(rows, slurm, gd, verbose):
    failed = excused = 0
    for line, reason in rows:
        found = difference(slurm.answer(line), gd.answer(line))
        if bool(found) != bool(reason):
            failed += 1
            print(
                f"FAIL {line}" + ("" if found else f"\n    is equal, but the table says: {reason}")
            )
            print("\n".join(found))
        elif reason:
            excused += 1
            if verbose:
                print(f"differs {line}\n    because: {reason}\n" + "\n".join(found))
    print(
        f"{len(rows)} command lines: {len(rows) - failed - excused} equal, "
        f"{excused} differ for a stated reason, "
        f"{failed} fail"
    )
    return failed


def slurm_side(slurm):
    helper = Cluster()  # only its way of running commands as a user
    helper.conf = "/nonexistent/gd.conf"

    def run(line, variables):
        return helper.run(
            systems.USER, "/bin/sh", "-c", line, env={**slurm.environment, **variables}, cwd="/tmp"
        )

    return Side("slurm", run, [("bench", "CLUSTER")]), helper


def gd_side(cluster):
    links = os.path.join(os.path.dirname(find("gdsub")), "../lib/gd/slurm")
    if not os.path.isdir(links):
        links = next(
            folder
            for folder, _, files in os.walk(installation())
            if "squeue" in files and folder.endswith("gd/slurm")
        )

    def run(line, variables):
        return cluster.run(
            systems.USER,
            "/bin/sh",
            "-c",
            line,
            env={"PATH": f"{links}:/usr/bin:/bin", **variables},
            cwd="/tmp",
        )

    return Side("gd", run, [("t" + cluster.tag, "CLUSTER")])


def main(arguments):
    verbose = "-v" in arguments
    words = [a for a in arguments if a != "-v"]
    rows = [
        row
        for row in Table(os.path.join(HERE, "table.txt")).rows
        if all(w in row[0] for w in words)
    ]
    if not rows:
        raise SystemExit("no line of table.txt contains: " + " ".join(words))
    real = systems.Slurm()
    try:
        real.start()
        slurm, helper = slurm_side(real)
        ours = Cluster(partitions="[partition batch]\nnodes = ALL\ndefault = yes\n")
        ours.names = [real.host()]
        with ours as cluster:
            gd = gd_side(cluster)
            slurm.submit_jobs()
            gd.submit_jobs()
            failed = compare(rows, slurm, gd, verbose)
        helper.close()
    finally:
        real.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        sys.exit(f"compat: {failure}")
