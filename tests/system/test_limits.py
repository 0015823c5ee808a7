"""Limits, qualities of service and licences in a whole cluster: who starts, who waits with which
of Slurm's words, what is refused, and what the commands say of it."""

import json
import unittest

from client_case import slurm_names
from cluster import USERS, Cluster, wait_until

ALICE, BOB = USERS

CONF = (
    "[partition batch]\nnodes = ALL\n"
    "[account lab]\nusers = *\ngrp_tres = cpu=3\nmax_submit = 6\n"
    "[account art]\nusers = *\n"
    "[account pay]\nusers = *\ngrp_tres_mins = cpu=60\n"
    "[qos short]\npriority = 10\nmax_jobs_per_user = 1\nmax_wall = 60\n"
    "[qos strict]\nmax_tres_per_job = cpu=1\ndeny_on_limit = yes\n"
    f"[qos closed]\nallow_users = {BOB}\n"
    "[license matlab]\ncount = 2\n"
)


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(nodes=3, partitions=CONF).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def tearDown(self):
        self.c.cancel_everything()

    def sleeper(self, user, *options):
        return self.c.submit(user, "-o", "/dev/null", "--mem=10", *options, "--wrap", "sleep 600")

    def slurm(self, *argv):
        return self.c.run(ALICE, *argv, env={"PATH": slurm_names() + ":/usr/bin:/bin"})

    def wait_reason(self, job, reason):
        shown = lambda: self.slurm("squeue", "-h", "-j", str(job), "-o", "%r").out.strip()
        wait_until(f"job {job} waits for {reason}", lambda: shown() == reason)

    def refusal(self, user, *options):
        done = self.c.run(user, "gdsub", *options, "--wrap", "true")
        self.assertEqual(done.status, 1, done.out)
        return done.err.removeprefix("gdsub: ").strip()

    def test_an_account_has_so_many_cpus(self):
        first = self.sleeper(ALICE, "-A", "lab", "-c", "2")
        self.c.wait_state(first, "RUNNING")
        second = self.sleeper(BOB, "-A", "lab", "-c", "2")
        self.wait_reason(second, "AssocGrpCpuLimit")
        other = self.sleeper(BOB, "-A", "art")
        self.c.wait_state(other, "RUNNING")
        rows = json.loads(self.c.run(ALICE, "gdctl", "show", "limits", "--json").ok().out)["limits"]
        lab = next(r for r in rows if r["name"] == "lab" and r["what"] == "cpu")
        self.assertEqual((lab["kind"], lab["used"], lab["limit"]), ("account", 2, 3))
        shown = self.slurm("scontrol", "show", "job", str(second)).ok().out
        self.assertIn("Reason=AssocGrpCpuLimit", shown)

        self.c.controller.kill()  # counters come back from the records
        self.c.controller.start()
        wait_until("the controller is back", lambda: self.c.run(ALICE, "gdctl", "ping").status == 0)
        self.wait_reason(second, "AssocGrpCpuLimit")
        self.c.run(ALICE, "gdkill", str(first)).ok()
        self.c.wait_state(second, "RUNNING")

    def test_one_more_than_may_be_submitted_is_refused(self):
        for _ in range(6):
            self.sleeper(ALICE, "-A", "lab", "-H")
        self.assertEqual(
            self.refusal(ALICE, "-A", "lab"),
            f"job violates accounting/QOS policy: user {ALICE} of account lab: max_submit 6, "
            "6 wait or run and 1 asked",
        )
        self.sleeper(BOB, "-A", "lab", "-H")

    def test_a_qos_limits_each_user_and_counts_in_the_priority(self):
        first = self.sleeper(ALICE, "-A", "art", "-q", "short", "-t", "10")
        second = self.sleeper(ALICE, "-A", "art", "-q", "short", "-t", "10")
        self.c.wait_state(first, "RUNNING")
        self.wait_reason(second, "QOSMaxJobsPerUserLimit")
        third = self.sleeper(BOB, "-A", "art", "-q", "short", "-t", "10")
        self.c.wait_state(third, "RUNNING")
        long = self.sleeper(ALICE, "-A", "art", "-q", "short", "-t", "61")
        self.wait_reason(long, "QOSMaxWallDurationPerJobLimit")
        out = self.slurm("sprio", "-h", f"--jobs={second}", "-o", "%Q").ok().out
        self.assertEqual(out.strip(), "10000")
        self.assertEqual(
            self.slurm("squeue", "-h", "-j", str(second), "-o", "%q").ok().out.strip(),
            "short",
        )
        self.slurm("scontrol", "update", f"JobId={second}", "QOS=normal").ok()
        self.c.wait_state(second, "RUNNING")

    def test_a_qos_must_be_known_and_open(self):
        self.assertEqual(
            self.refusal(ALICE, "-q", "shrot"),
            "invalid qos specification: shrot; known are: normal,short,strict,closed; did you "
            "mean 'short'?",
        )
        self.assertEqual(
            self.refusal(ALICE, "-q", "closed"), f"qos closed is not open to user {ALICE}"
        )
        self.assertEqual(
            self.refusal(ALICE, "-q", "strict", "-c", "2"),
            "qos strict: a job may have cpu=1, 2 asked",
        )
        self.sleeper(BOB, "-q", "closed")

    def test_minutes_are_kept_for_what_runs_and_taken_back(self):
        first = self.sleeper(ALICE, "-A", "pay", "-t", "40")
        self.c.wait_state(first, "RUNNING")
        second = self.sleeper(BOB, "-A", "pay", "-t", "30")
        self.wait_reason(second, "AssocGrpCPUMinutesLimit")
        text = " ".join(self.c.run(BOB, "gdstat", "--why", str(second)).ok().out.split())
        self.assertIn(
            "account pay: grp_tres_mins cpu=60: cpu mins 40 used or kept for what runs, 30 asked; "
            f"what runs there is job {first} of {ALICE}",
            text,
        )
        rows = json.loads(self.c.run(ALICE, "gdctl", "show", "limits", "--json").ok().out)["limits"]
        pay = next(r for r in rows if r["name"] == "pay")
        self.assertEqual((pay["what"], pay["used"], pay["limit"]), ("cpu mins", 40, 60))
        out = self.slurm("sacctmgr", "-nP", "show", "assoc", "account=pay", "format=grptresmins")
        self.assertEqual(out.ok().out.split()[0], "cpu=60")
        self.c.run(ALICE, "gdkill", str(first)).ok()
        self.c.wait_state(second, "RUNNING")

        self.c.controller.kill()
        self.c.controller.start()
        wait_until("the controller is back", lambda: self.c.run(ALICE, "gdctl", "ping").status == 0)
        usage = lambda: [
            int(line.split("|")[4])
            for line in self.slurm("sshare", "-hP", "-A", "pay").ok().out.splitlines()
        ]
        wait_until("the usage is back", lambda: usage()[0] > 0)
        reset = ("sacctmgr", "-i", "modify", "account", "pay", "set", "RawUsage=0")
        self.assertEqual(self.slurm(*reset).status, 1)
        before = usage()[0]
        done = self.c.run("root", *reset, env={"PATH": slurm_names() + ":/usr/bin:/bin"}).ok()
        self.assertEqual(done.out, " Reset usage of account(s)\n  pay\n")
        self.assertLess(usage()[0], max(before, 3))

    def test_licences_are_counted(self):
        first = self.sleeper(ALICE, "-A", "art", "-L", "matlab:2")
        self.c.wait_state(first, "RUNNING")
        second = self.sleeper(BOB, "-A", "art", "--licenses=matlab")
        self.wait_reason(second, "Licenses")
        out = self.slurm("scontrol", "show", "lic").ok().out
        self.assertEqual(
            out, "LicenseName=matlab\n    Total=2 Used=2 Free=0 Reserved=0 Remote=no\n"
        )
        shown = self.slurm("squeue", "-h", "-j", str(first), "-o", "%W").ok().out
        self.assertEqual(shown.strip(), "matlab:2")
        self.c.run(ALICE, "gdkill", str(first)).ok()
        self.c.wait_state(second, "RUNNING")
        self.assertEqual(
            self.refusal(ALICE, "-L", "matlab:3"), "licence matlab: 3 asked, the cluster has 2"
        )

    def test_why_tells_the_limit_and_what_would_start_it(self):
        first = self.sleeper(ALICE, "-A", "art", "-q", "short", "-t", "10")
        second = self.sleeper(ALICE, "-A", "art", "-q", "short", "-t", "10")
        self.c.wait_state(first, "RUNNING")
        self.wait_reason(second, "QOSMaxJobsPerUserLimit")
        text = " ".join(self.c.run(BOB, "gdstat", "--why", str(second)).ok().out.split())
        self.assertIn(f"Job {second} of {ALICE} asks for 1 cpu and 10M of memory a node", text)
        self.assertIn(
            f"user {ALICE} in qos short: max_jobs_per_user 1: jobs 1 in use, 1 asked; in use by "
            f"job {first} of {ALICE}",
            text,
        )
        why = json.loads(self.c.run(BOB, "gdstat", "--json", "--why", str(second)).ok().out)
        self.assertEqual(why["jobs"][0]["kind"], "limit")
        hints = why["jobs"][0]["suggestions"]
        self.assertEqual(hints, [f"gdctl update {second} QOS=normal"])
        self.c.run(ALICE, *hints[0].split()).ok()
        self.c.wait_state(second, "RUNNING")
        done = self.c.run(BOB, "gdstat", "--why", "999")
        self.assertEqual(done.status, 1)
        self.assertEqual(done.err, "gdstat: job 999: it does not wait, or there is none\n")

    def test_sacctmgr_lists_them(self):
        out = self.slurm("sacctmgr", "-nP", "show", "qos", "format=name,priority,maxwall").ok()
        self.assertEqual(
            out.out.splitlines(), ["normal|0|", "short|10|01:00:00", "strict|0|", "closed|0|"]
        )
        out = self.slurm(
            "sacctmgr", "-nP", "show", "assoc", "account=lab", "format=account,grptres"
        ).ok()
        self.assertEqual(out.out.splitlines(), ["lab|cpu=3"])


if __name__ == "__main__":
    unittest.main()
