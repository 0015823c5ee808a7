"""Each job on processors of its own, and its tasks on theirs, as the kernel tells it."""

import os
import re
import unittest

from client_case import slurm_names
from cluster import Cluster, USERS, find, wait_until
from tmux import Tmux

ALICE, BOB = USERS
ALLOWED = "sed -n 's/^Cpus_allowed_list:\\s*//p' /proc/self/status"
CPUS = sorted(os.sched_getaffinity(0))


def processors(text):
    """ "0-2,5" as a list of lines of it."""
    found = []
    for line in text.split():
        numbers = []
        for part in line.split(","):
            first, _, last = part.partition("-")
            numbers += range(int(first), int(last or first) + 1)
        found.append(numbers)
    return found


@unittest.skipIf(len(CPUS) < 2, "one processor cannot be shared out")
class Processors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(nodes=1, node_config="bind_processors = yes\n").__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        cls.path = slurm_names() + ":" + os.path.dirname(find("gdsub")) + ":/usr/bin:/bin"
        # All of the machine's, but by whole pairs, so that there are as many jobs as halves.
        cls.half = len(CPUS) // 2

    def run_as(self, *argv, user=ALICE):
        return self.c.run(user, *argv, env={"PATH": self.path})

    def of_job(self, job):
        """By its place in the job: what a step that is sent there may use."""
        done = self.run_as("srun", "--overlap", "--jobid", str(job), "sh", "-c", ALLOWED).ok()
        return processors(done.out)[0]

    def hold(self, cpus):
        job = self.c.submit(ALICE, "-c", str(cpus), "-o", "/dev/null", "--wrap", "sleep 600")
        self.c.wait_state(job, "RUNNING")
        return job

    def cancel(self, *jobs):
        for job in jobs:
            self.c.run(ALICE, "gdkill", str(job)).ok()
        for job in jobs:
            self.c.wait_end(job)

    def test_jobs_side_by_side_share_no_processor(self):
        first, second = self.hold(self.half), self.hold(self.half)
        mine, others = self.of_job(first), self.of_job(second)
        self.assertEqual((len(mine), len(others)), (self.half, self.half))
        self.assertFalse(set(mine) & set(others))
        facts = self.c.job(first)["receipt"]["facts"]
        self.assertTrue(any(re.match(r"limits: cpus \d+ \([0-9,-]+\)", f) for f in facts), facts)
        self.cancel(first, second)
        whole = self.hold(len(CPUS))
        self.assertEqual(self.of_job(whole), CPUS)  # they have been given back
        self.cancel(whole)

    def test_programs_count_the_processors_of_their_job(self):
        done = self.run_as("srun", "-c", str(self.half), "nproc").ok()
        self.assertEqual(int(done.out), self.half)

    def test_the_screen_of_a_terminal_keeps_to_its_jobs_processors(self):
        terminal = Tmux(self.c, ALICE)
        self.addCleanup(terminal.close)
        terminal.keys(f"gdsh -Q -c {self.half} env PS1='in> ' /bin/sh", "Enter")
        terminal.see("^in>")

        def of_this_cluster(pid):
            with open(f"/proc/{pid}/stat") as f:
                parent = f.read().rpartition(")")[2].split()[1]
            with open(f"/proc/{parent}/cmdline") as f:
                return self.c.dir in f.read()

        found = self.c.run(ALICE, "pgrep", "-u", ALICE, "-x", "gdscreen").out.split()
        (screen,) = [int(pid) for pid in found if of_this_cluster(pid)]
        self.assertEqual(len(os.sched_getaffinity(screen)), self.half)
        terminal.keys("exit", "Enter")
        wait_until("it has ended", lambda: not self.c.run(ALICE, "gdstat", "-h", "--me").out)

    def test_processors_outlive_the_agent(self):
        first = self.hold(self.half)
        mine = self.of_job(first)
        self.c.nodes["n1"].kill()
        self.c.nodes["n1"].start()
        wait_until("the node is back", lambda: self.c.run(ALICE, "gdinfo", "-h", "-o", "%T").out)
        second = self.hold(self.half)
        self.assertEqual(self.of_job(first), mine)
        self.assertFalse(set(mine) & set(self.of_job(second)))
        self.cancel(first, second)

    def test_exact_steps_side_by_side_share_none_of_the_jobs(self):
        script = (
            f"for i in 1 2; do srun --exact -n1 -c1 sh -c \"{ALLOWED}; sleep 2\" & done; wait\n"
        )
        done = self.run_as("salloc", "-Q", "-n2", "bash", "-c", script).ok()
        one, two = processors(done.out)
        self.assertEqual((len(one), len(two)), (1, 1))
        self.assertNotEqual(one, two)

    def test_tasks_keep_to_processors_of_their_own_when_asked(self):
        together = processors(self.run_as("srun", "-n2", "sh", "-c", ALLOWED).ok().out)
        self.assertEqual(len(together), 2)
        self.assertEqual(together[0], together[1])
        apart = processors(
            self.run_as("srun", "-n2", "--cpu-bind=threads", "sh", "-c", ALLOWED).ok().out
        )
        self.assertEqual([len(own) for own in apart], [1, 1])
        self.assertNotEqual(apart[0], apart[1])
        self.assertEqual(sorted(sum(apart, [])), together[0])

    def test_verbose_says_what_each_task_got(self):
        done = self.run_as("srun", "-n2", "--cpu-bind=verbose,threads", "true").ok()
        lines = sorted(done.err.splitlines())
        self.assertEqual(len(lines), 2, done.err)
        for number, line in enumerate(lines):
            self.assertRegex(
                line,
                rf"^cpu-bind=MASK - n1, task  {number}  {number} \[\d+\]: mask 0x[0-9A-F]+ set$",
            )
        self.assertEqual(len({line.split("mask ")[1] for line in lines}), 2)
        done = self.run_as("srun", "-n1", "--cpu-bind=verbose,threads", "echo", "one").ok()
        self.assertEqual(done.out, "one\n")
        self.assertRegex(done.err, r"^cpu-bind=MASK - n1, task  0  0 .* set\n$")

    def test_steps_inherit_what_srun_was_told(self):
        line = "echo $SLURM_CPU_BIND $SLURM_CPU_BIND_TYPE $SLURM_CPU_BIND_VERBOSE"
        done = self.run_as("srun", "--cpu-bind=cores", "sh", "-c", line).ok()
        self.assertEqual(done.out.split(), ["quiet,cores", "cores", "quiet"])
        done = self.run_as("gdrun", "--cpu-bind=map_cpu:0,1", "true")
        self.assertEqual(done.status, 2)
        self.assertIn("'map_cpu:0' is none of none, threads, cores", done.err)
        done = self.run_as("srun", "--cpu-bind=map_cpu:0,1", "true")
        self.assertEqual(done.err, "srun: error: Invalid --cpu-bind specification\n")

    def test_a_reserved_processor_is_nobodys(self):
        extra = f"bind_processors = yes\nreserved_cpus = {len(CPUS) - 1}\n"
        with Cluster(nodes=1, node_config=extra) as c:
            done = c.run(ALICE, "srun", "nproc", env={"PATH": self.path}).ok()
            self.assertEqual(int(done.out), 1)


if __name__ == "__main__":
    unittest.main()
