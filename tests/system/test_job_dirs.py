"""A directory for each job, kept after it, counted, and cleaned by the node."""

import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

from cluster import Cluster, USERS, find, wait_until

ALICE, BOB = USERS


class JobDirs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="gd-jobdirs-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        os.chmod(cls.dir, 0o755)
        cls.root = os.path.join(cls.dir, "jobs")
        cls.c = Cluster(
            node_config=f"job_dir = {cls.root}\njob_dir_keep = 1s\njob_dir_quota = 3M\n"
            "sample_interval = 1s\n"
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def sweep(self):
        settings = self.c.path("n1-spool/shepherd.conf")
        done = subprocess.run(
            [find("gdstore"), "--settings", settings, "sweep-jobs"], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def job(self, script, *options, user=ALICE, state="COMPLETED"):
        out = os.path.join(pwd.getpwnam(user).pw_dir, f"jobdirs.{os.getpid()}")
        job = self.c.submit(user, "-o", out, *options, script="#!/bin/sh\n" + script)
        record = self.c.wait_end(job)
        text = self.c.read(out) if os.path.exists(out) else ""
        if os.path.exists(out):
            os.unlink(out)
        self.assertEqual(record["state"], state, text + str(record.get("reason_text")))
        return job, text, record

    def path(self, job, user=ALICE):
        return f"{self.root}/{user}/{job}"

    def test_a_later_job_finds_what_an_earlier_one_left(self):
        first, text, record = self.job("echo $GD_JOB_DIR; echo kept > $GD_JOB_DIR/result\n")
        self.assertEqual(text, self.path(first) + "\n")
        self.assertTrue(any("job directories" in f for f in record["receipt"]["facts"]))
        _, text, _ = self.job(f"cat {self.path(first)}/result\n")
        self.assertEqual(text, "kept\n")
        _, text, _ = self.job(
            f"cat {self.path(first)}/result || echo no; ls {self.root}/{ALICE} || echo no\n",
            user=BOB,
        )
        self.assertEqual(text.splitlines().count("no"), 1 if "kept" in text else 2)
        self.assertNotIn("kept", text)

    def test_its_user_makes_no_names_beside_it_and_a_sealed_root_has_it_too(self):
        _, text, _ = self.job("mkdir $GD_JOB_DIR/../other || echo refused\n")
        self.assertIn("refused", text)
        self.job("echo x > $GD_JOB_DIR/x\n", "--read-only")
        self.job("echo x > $GD_JOB_DIR/x; id -u | grep -qx 0\n", "--root")

    def test_it_goes_when_its_time_is_over(self):
        running = self.c.submit(
            ALICE, "-o", "/dev/null", script="#!/bin/sh\necho x > $GD_JOB_DIR/x; sleep 60\n"
        )
        self.c.wait_state(running, "RUNNING")
        ended, _, _ = self.job("echo x > $GD_JOB_DIR/x\n")
        self.sweep()
        mark = f"{self.root}/.ended/{ALICE}.{ended}"
        self.assertTrue(os.path.exists(mark))
        self.assertTrue(os.path.exists(self.path(ended)))
        past = os.stat(mark).st_mtime - 10
        os.utime(mark, (past, past))
        self.sweep()
        self.assertFalse(os.path.exists(self.path(ended)))
        self.assertTrue(os.path.exists(self.path(running)))
        self.c.run(ALICE, "gdkill", str(running)).ok()
        self.c.wait_end(running)

    def test_a_user_over_the_quota_is_told_and_starts_again_after_cleaning(self):
        full, _, _ = self.job("dd if=/dev/zero of=$GD_JOB_DIR/big bs=1M count=4\n", user=BOB)
        self.sweep()
        _, _, record = self.job("true\n", user=BOB, state="FAILED")
        self.assertIn(f"job directories of {BOB} take 4 MiB of 3 MiB", record["reason_text"])
        explained = self.c.run(BOB, "gdsub", "--explain-sandbox", "--wrap", "true")
        self.assertEqual(explained.status, 1)
        self.assertIn("refused: job directories of", explained.out)
        os.unlink(self.path(full, BOB) + "/big")
        self.sweep()
        self.job("true\n", user=BOB)

    def test_a_job_that_runs_is_told_when_the_quota_is_used_up(self):
        err = os.path.join(pwd.getpwnam(BOB).pw_dir, f"jobdirs.err.{os.getpid()}")
        self.addCleanup(os.unlink, err)
        script = "dd if=/dev/zero of=$GD_JOB_DIR/big bs=1M count=4 2>/dev/null; sleep 60\n"
        job = self.c.submit(
            BOB, "-o", "/dev/null", "-e", err, script="#!/bin/sh\n" + script, cwd="/"
        )
        big = self.path(job, BOB) + "/big"
        wait_until("it is full", lambda: os.path.exists(big) and os.path.getsize(big) == 4 << 20)
        self.sweep()
        said = f"gd: no further job of yours begins here: job directories of {BOB} take 4 MiB"
        wait_until("it is told", lambda: said in self.c.read(err))
        os.unlink(big)
        self.sweep()
        self.c.run(BOB, "gdkill", str(job)).ok()
        self.c.wait_end(job)
        self.assertEqual(self.c.read(err).count("gd: "), 1)


if __name__ == "__main__":
    unittest.main()
