"""scrontab: jobs that recur, in a real cluster whose clock is the machine's."""

import os
import pwd
import time
import unittest

from client_case import slurm_names
from cluster import Cluster, USERS, find, wait_until

ALICE, BOB = USERS


class Scrontab(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster().__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        cls.path = slurm_names() + ":" + os.path.dirname(find("gdsub")) + ":/usr/bin:/bin"
        cls.home = pwd.getpwnam(ALICE).pw_dir

    def run_as(self, user, *argv, **keywords):
        env = {"PATH": self.path, **keywords.pop("env", {})}
        return self.c.run(user, *argv, env=env, **keywords)

    def install(self, text, *options, user=ALICE):
        return self.run_as(user, "scrontab", *options, "-", input=text)

    def waiting(self, user=ALICE):
        """Jobs that wait, as squeue has them: number, name, reason, start."""
        done = self.run_as(user, "squeue", "--me", "-h", "-t", "PD", "-o", "%i %j %r %S").ok()
        return [line.split() for line in done.out.splitlines()]

    def tearDown(self):
        for user in USERS:
            self.run_as(user, "scrontab", "-r")

    def test_what_is_installed_is_listed_and_waits_in_squeue(self):
        text = "# mine\n#SCRON -J night -t 5\n0 0 1 1 *  sleep 1\n\n@monthly true\n"
        done = self.install(text, "-v").ok()
        self.assertRegex(done.err, r"scrontab: line 3: job \d+, \d{4}-01-01T00:00:00\n")
        self.assertEqual(self.run_as(ALICE, "scrontab", "-l").ok().out, text)
        jobs = self.waiting()
        self.assertEqual([j[1:3] for j in jobs], [["night", "BeginTime"], ["true", "BeginTime"]])
        self.assertRegex(jobs[0][3], r"^\d{4}-01-01T00:00:00$")
        shown = self.run_as(ALICE, "scontrol", "show", "job", jobs[0][0]).ok().out
        self.assertIn('CronJob=Yes CrontabSpec="0 0 1 1 *"', shown)
        self.assertIn("TimeLimit=00:05:00", shown)

    def test_a_run_is_followed_by_the_next_also_after_a_crash(self):
        marks = os.path.join(self.home, "cron-marks")
        self.install(
            f"#SCRON -o /dev/null\n@yearly pwd >>{marks}; echo $SLURM_JOB_ID >>{marks}\n"
        ).ok()
        first = self.waiting()[0][0]
        self.c.controller.kill()
        self.c.controller.start()
        self.assertEqual(wait_until("it is there again", self.waiting)[0][0], first)
        self.run_as(ALICE, "scontrol", "update", f"jobid={first}", "starttime=now").ok()
        self.assertEqual(self.c.wait_end(int(first))["state"], "COMPLETED")
        where, who = self.c.read(marks).split()[:2]
        os.unlink(marks)
        self.assertEqual((where, who), (self.home, first))
        following = wait_until("the next one waits", self.waiting)
        self.assertNotEqual(following[0][0], first)
        self.assertGreater(following[0][3], time.strftime("%Y-%m-%dT%H:%M:%S"))

    def test_scancel_wants_cron_and_disables_the_line(self):
        self.install("# one\n@daily true\n@monthly false\n").ok()
        job = self.waiting()[0][0]
        done = self.run_as(ALICE, "scancel", job)
        self.assertEqual(done.status, 1)
        self.assertIn("Cannot cancel scrontab jobs without --cron flag.", done.err)
        self.run_as(ALICE, "scancel", "-u", ALICE).ok()
        self.assertEqual(len(self.waiting()), 2)
        self.run_as(ALICE, "scancel", "--cron", job).ok()
        self.assertEqual([j[1] for j in self.waiting()], ["false"])
        listed = self.run_as(ALICE, "scrontab", "-l").ok().out
        self.assertEqual(listed, "# one\n#DISABLED: @daily true\n@monthly false\n")
        self.install(listed).ok()
        self.assertEqual([j[1] for j in self.waiting()], ["false"])

    def test_an_editor_of_ones_own(self):
        self.install("@daily true\n").ok()
        edit = {"EDITOR": "sed -i s/daily/weekly/"}
        self.run_as(ALICE, "scrontab", "-e", env=edit).ok()
        self.assertEqual(self.run_as(ALICE, "scrontab", "-l").out, "@weekly true\n")
        done = self.run_as(ALICE, "scrontab", "-e", env=edit).ok()
        self.assertEqual(done.err, "scrontab: no changes made to crontab\n")
        done = self.run_as(ALICE, "scrontab", "-e", env={"EDITOR": "false"})
        self.assertEqual(done.status, 1)
        done = self.run_as(ALICE, "scrontab", "-e", env={"EDITOR": "sed -i s/weekly/often/"})
        self.assertEqual(done.status, 1)
        self.assertIn("line 1: '@often' is none of the words for a time", done.err)
        self.assertEqual(self.run_as(ALICE, "scrontab", "-l").out, "@weekly true\n")

    def test_whose_it_is(self):
        self.assertEqual(
            (self.run_as(BOB, "scrontab", "-l").status, self.run_as(BOB, "scrontab", "-l").err),
            (1, f"scrontab: error: no crontab for {BOB}\n"),
        )
        self.install("@daily true\n").ok()
        for verb in ("-l", "-r"):
            done = self.run_as(BOB, "scrontab", "-u", ALICE, verb)
            self.assertEqual(done.status, 1, done.out)
        self.assertEqual(self.run_as("root", "scrontab", "-u", ALICE, "-l").out, "@daily true\n")
        done = self.run_as("root", "scrontab", "-u", ALICE, "-", input="@weekly true\n")
        self.assertEqual(done.status, 1)
        self.run_as("root", "scrontab", "-u", ALICE, "-r").ok()
        self.assertEqual(self.waiting(), [])
        self.assertEqual(self.run_as(ALICE, "scrontab", "-r").status, 1)


if __name__ == "__main__":
    unittest.main()
