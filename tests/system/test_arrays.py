"""Job arrays and dependencies over real containers, and what a crash leaves of them."""

import os
import pwd
import signal
import time
import unittest

from cluster import Cluster, DEADLINE, USERS, wait_until

USER = USERS[0]


class Arrays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(config="min_job_age = 600\n").__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        cls.folder = os.path.join(pwd.getpwnam(USER).pw_dir, "arrays")
        cls.c.run(USER, "rm", "-rf", cls.folder)
        cls.c.run(USER, "mkdir", cls.folder).ok()

    def submit(self, *options):
        done = self.c.run(USER, "gdsub", "--parsable", "-D", self.folder, *options)
        return int(done.ok().out)

    def elements(self, array):
        done = self.c.run(USER, "gdacct", "-X", "-n", "-P", "-j", str(array), "-o", "JobID,State")
        return dict(line.split("|") for line in done.ok().out.splitlines())

    def wait_for(self, array, count):
        def all_ended():
            rows = self.elements(array)
            return len(rows) == count and all(
                state.split()[0] in ("COMPLETED", "FAILED", "CANCELLED") for state in rows.values()
            )

        wait_until(f"{count} elements of {array} have ended", all_ended, 4 * DEADLINE)
        return self.elements(array)

    def test_elements_run_with_their_numbers_and_files(self):
        array = self.submit(
            "--array=2-8:3%2",
            "--wrap",
            "echo $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID $SLURM_ARRAY_TASK_COUNT "
            "$SLURM_ARRAY_TASK_MIN $SLURM_ARRAY_TASK_MAX $SLURM_ARRAY_TASK_STEP",
        )
        self.assertEqual(self.wait_for(array, 3), {f"{array}_{i}": "COMPLETED" for i in (2, 5, 8)})
        for i in (2, 5, 8):
            out = self.c.read(os.path.join(self.folder, f"slurm-{array}_{i}.out"))
            self.assertEqual(out, f"{array} {i} 3 2 8 3\n")

    def test_the_limit_holds_and_a_range_is_cancelled(self):
        array = self.submit("--array=0-99%1", "-o", "/dev/null", "--wrap", "sleep 100")
        self.c.wait_state(array, "PENDING")
        wait_until(
            "one runs", lambda: "|R" in self.squeue("-j", f"{array}_0", "-t", "R", "-o", "%i|%t")
        )
        self.assertEqual(self.squeue("-j", str(array), "-t", "R", "-o", "%i"), f"{array}_0")
        self.assertEqual(self.squeue("-j", str(array), "-t", "PD", "-o", "%i"), f"{array}_[1-99%1]")
        self.c.run(USER, "gdkill", f"{array}_[10-89]").ok()
        self.assertEqual(
            self.squeue("-j", str(array), "-t", "PD", "-o", "%i"), f"{array}_[1-9,90-99%1]"
        )
        self.assertEqual(
            len(self.squeue("-r", "-j", str(array), "-t", "PD", "-o", "%i").splitlines()), 19
        )
        self.c.run(USER, "gdkill", str(array)).ok()
        wait_until("all are cancelled", lambda: self.squeue("-j", str(array), "-o", "%i") == "")

    def test_asked_about_each_only_the_named_elements_are_cancelled(self):
        array = self.submit("-H", "-a", "0-9", "-o", "/dev/null", "--wrap", "true")
        self.c.run(USER, "gdkill", "-i", f"{array}_[2-4]", input="y\n").ok()
        self.assertEqual(self.squeue("-j", str(array), "-o", "%i"), f"{array}_[0-1,5-9]")
        self.c.run(USER, "gdkill", str(array)).ok()

    def squeue(self, *options):
        return self.c.run(USER, "gdstat", "-h", *options).ok().out.strip()

    def test_cancelling_what_waits_leaves_alone_what_runs(self):
        c = self.c
        job = self.submit("-J", "mixed", "-a", "1-3%1", "-o", "/dev/null", "--wrap", "sleep 60")

        def running():
            return c.admin("gdstat", "-h", "-t", "R", "-j", str(job), "-o", "%i").out.split()

        wait_until("the first element runs", lambda: running() == [f"{job}_1"])
        c.run(USER, "gdkill", "--name=mixed", "--state=pending").ok()
        left = c.admin("gdstat", "-h", "-j", str(job), "-o", "%i|%T").ok().out.split()
        self.assertEqual(left, [f"{job}_1|RUNNING"])
        c.run(USER, "gdkill", str(job)).ok()

    def test_dependencies_hold_back_and_let_go(self):
        first = self.submit("-o", "/dev/null", "-H", "--wrap", "exit 3")
        bad = self.submit("-o", "/dev/null", "-d", f"afternotok:{first}", "--wrap", "true")
        good = self.submit("-o", "/dev/null", "-d", f"afterok:{first}", "--wrap", "true")
        last = self.submit("-o", "/dev/null", "-d", f"afterany:{bad}", "--wrap", "true")
        self.assertEqual(
            self.squeue("-j", str(good), "-o", "%r %E"), f"Dependency afterok:{first}(unfulfilled)"
        )
        self.c.run(USER, "gdctl", "release", str(first)).ok()
        self.assertEqual(self.c.wait_end(last)["state"], "COMPLETED")
        self.assertEqual(
            self.squeue("-j", str(good), "-o", "%r %E"),
            f"DependencyNeverSatisfied afterok:{first}(failed)",
        )
        self.c.run(USER, "gdkill", str(good)).ok()
        done = self.c.run(USER, "gdsub", "-d", "afterok:x", "--wrap", "true")
        self.assertEqual(done.status, 1)
        self.assertIn("dependency: 'x' is not a whole number", done.err)

    def test_waiting_for_an_array_gives_the_highest_code(self):
        done = self.c.run(
            USER,
            "gdsub",
            "--wait",
            "-o",
            "/dev/null",
            "-a",
            "0-3",
            "--wrap",
            "exit $SLURM_ARRAY_TASK_ID",
        )
        self.assertEqual(done.status, 3)

    def test_a_million_elements_are_one_call(self):
        begun = time.monotonic()
        array = self.submit("-H", "-a", "1-1000000", "-o", "/dev/null", "--wrap", "true")
        self.assertLess(time.monotonic() - begun, 5)
        self.assertEqual(self.squeue("-j", str(array), "-o", "%i"), f"{array}_[1-1000000]")
        self.c.run(USER, "gdkill", f"{array}_[2-999999]").ok()
        self.assertEqual(self.squeue("-j", str(array), "-o", "%i"), f"{array}_[1,1000000]")
        self.c.run(USER, "gdkill", str(array)).ok()

    def test_a_crash_in_the_middle_loses_and_doubles_no_element(self):
        array = self.submit(
            "-a",
            "0-39",
            "--no-requeue",
            "-o",
            "/dev/null",
            "--wrap",
            "echo x >>ran.$SLURM_ARRAY_TASK_ID; sleep 0.1",
        )
        for _ in range(4):
            started = len(self.elements(array))
            wait_until("some more ran", lambda: len(self.elements(array)) > started or started > 39)
            self.c.controller.kill(signal.SIGKILL)
            self.c.controller.start()
        rows = self.wait_for(array, 40)
        self.assertEqual(rows, {f"{array}_{i}": "COMPLETED" for i in range(40)})
        for i in range(40):
            self.assertEqual(self.c.read(os.path.join(self.folder, f"ran.{i}")), "x\n")
