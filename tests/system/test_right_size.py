"""What jobs used says what the next one needs: gdacct --advise, gdsub --mem=auto, --retry-oom."""

import os
import pwd
import re
import shutil
import tempfile
import unittest

from cluster import Cluster, USERS

ALICE = USERS[0]

# Holds as many MiB as its argument says, and is done.
EATS = """#!/usr/bin/python3
import sys
held = bytearray(int(sys.argv[1]) << 20)
for page in range(0, len(held), 4096):
    held[page] = 1
"""


class RightSize(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster().__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        home = pwd.getpwnam(ALICE)
        cls.dir = tempfile.mkdtemp(prefix="right-size-", dir=home.pw_dir)
        cls.addClassCleanup(shutil.rmtree, cls.dir, True)
        os.chown(cls.dir, home.pw_uid, home.pw_gid)
        cls.script = os.path.join(cls.dir, "eats.py")
        with open(cls.script, "w") as f:
            f.write(EATS)

    def eat(self, mib, *options):
        done = self.c.run(
            ALICE, "gdsub", "-o", "/dev/null", "-t", "10", *options, self.script, str(mib)
        ).ok()
        return int(re.search(r"job (\d+)", done.out)[1]), done.err

    def test_advice_and_auto_come_from_runs_of_the_same_name_and_size(self):
        job, said = self.eat(100, "-J", "grow", "--mem=auto")
        self.assertIn("0 runs of 'grow' on 1 node with 1 cpu are known, 3 are needed", said)
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")
        for _ in range(2):
            job, _ = self.eat(100, "-J", "grow", "--mem=400M")
            self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")
        table = self.c.run(ALICE, "gdacct", "--advise", "--name", "grow").ok().out.splitlines()
        self.assertEqual(len(table), 2, table)
        row = dict(zip(table[0].split(), table[1].split()))
        self.assertEqual((row["USER"], row["RUNS"], row["MEM-HAD"]), (ALICE, "3", "400M"))
        suggested = int(row["--mem"].rstrip("M"))
        self.assertTrue(120 <= suggested <= 240, row)  # python itself needs some
        job, said = self.eat(100, "-J", "grow", "--mem=auto")
        self.assertIn(f"--mem=auto: {suggested}M, from 3 runs of 'grow'", said)
        ended = self.c.wait_end(job)
        self.assertEqual(ended["state"], "COMPLETED")
        shown = self.c.admin("gdacct", "-j", str(job), "-X", "-n", "-P", "-o", "ReqMem").ok()
        self.assertEqual(shown.out.strip(), f"{suggested}M")
        _, said = self.eat(1, "-J", "grow", "-c", "2", "--mem=auto")
        self.assertIn("0 runs of 'grow' on 1 node with 2 cpus", said)

    def test_out_of_memory_it_runs_again_with_more(self):
        job, _ = self.eat(150, "--mem=64M", "--retry-oom=1G")
        ended = self.c.wait_end(job)
        self.assertEqual(ended["state"], "COMPLETED")
        shown = self.c.admin("gdacct", "-j", str(job), "-X", "-n", "-P", "-o", "ReqMem,Restarts")
        self.assertEqual(shown.ok().out.strip(), "256M|2")

    def test_its_limit_is_kept_and_without_the_option_it_ends(self):
        job, _ = self.eat(300, "--mem=64M", "--retry-oom=100M")
        self.assertEqual(self.c.wait_end(job)["state"], "OUT_OF_MEMORY")
        shown = self.c.admin("gdacct", "-j", str(job), "-X", "-n", "-P", "-o", "ReqMem").ok()
        self.assertEqual(shown.out.strip(), "100M")
        job, _ = self.eat(300, "--mem=64M")
        self.assertEqual(self.c.wait_end(job)["state"], "OUT_OF_MEMORY")

    def test_refusals(self):
        for options, error in (
            (("--retry-oom=1G",), "must ask for some; give --mem"),
            (("--mem=2G", "--retry-oom=1G"), "less than the 2G that it begins with"),
        ):
            done = self.c.run(ALICE, "gdsub", *options, "--wrap", "true")
            self.assertEqual(done.status, 1)
            self.assertIn(error, done.err)
        done = self.c.run(ALICE, "gdrun", "--mem=auto", "true")
        self.assertEqual(done.status, 2)
        self.assertIn("--mem=auto is for batch jobs", done.err)


if __name__ == "__main__":
    unittest.main()
