"""Preemption in a whole cluster: who has to go gets TERM and its time, is requeued or ends as
PREEMPTED, and nobody but the one for whom it went gets its place."""

import os
import pwd
import tempfile
import unittest

from client_case import slurm_names
from cluster import USERS, Cluster, wait_until

ALICE, BOB = USERS

BY_QOS = "preempt_type = qos\npreempt_mode = requeue\nkill_wait = 2s\n"
QOS = (
    "[partition batch]\nnodes = ALL\n"
    "[qos low]\ngrace_time = 10min\n"
    "[qos brief]\ngrace_time = 1s\n"
    "[qos lost]\npreempt_mode = cancel\n"
    "[qos safe]\npreempt_exempt_time = 1h\n"
    "[qos high]\npreempt = low, brief, lost, safe\n"
)
BY_TIER = "preempt_type = partition_prio\npreempt_mode = cancel\n"
TIERS = (
    "[partition low]\ndefault = yes\n"
    "[partition kept]\npreempt_mode = off\ngrace_time = 5s\n"
    "[partition high]\npriority_tier = 10\n"
)

# Says that it was told to end, and takes its time until it may.
PATIENT = """#!/bin/bash
echo "began ${SLURM_RESTART_COUNT:-0}" >> @DIR@/log
[ "${SLURM_RESTART_COUNT:-0}" = 0 ] || exit 0
trap 'echo told >> @DIR@/log; while [ ! -e @DIR@/go ]; do sleep 0.1; done; exit 0' TERM
while :; do sleep 0.1; done
"""
STUBBORN = """#!/bin/bash
trap '' TERM
echo began >> @DIR@/log
while :; do sleep 0.1; done
"""


class PreemptionCase(unittest.TestCase):
    config, sections = "", ""

    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(config=cls.config, node_config="cpus = 2\n", partitions=cls.sections)
        cls.c.__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def setUp(self):
        entry = pwd.getpwnam(ALICE)
        home = tempfile.TemporaryDirectory(prefix="preempt-", dir=entry.pw_dir)
        self.addCleanup(home.cleanup)
        self.dir = home.name
        os.chown(self.dir, entry.pw_uid, entry.pw_gid)

    def tearDown(self):
        open(os.path.join(self.dir, "go"), "w").close()
        self.c.cancel_everything()

    def submit(self, user, *options, script=None, wrap="sleep 600"):
        options = ("-o", "/dev/null", "--mem=10", "-c", "2", *options)
        if script is None:
            return self.c.submit(user, *options, "--wrap", wrap)
        return self.c.submit(user, *options, script=script.replace("@DIR@", self.dir))

    def log(self):
        path = os.path.join(self.dir, "log")
        return self.c.read(path).splitlines() if os.path.exists(path) else []

    def slurm(self, *argv):
        return self.c.run(ALICE, *argv, env={"PATH": slurm_names() + ":/usr/bin:/bin"}).ok().out

    def why(self, job):
        return " ".join(self.c.run(BOB, "gdstat", "--why", str(job)).ok().out.split())


class ByQos(PreemptionCase):
    config, sections = BY_QOS, QOS

    def test_a_victim_has_its_grace_is_requeued_and_its_place_is_kept(self):
        low = self.submit(ALICE, "-q", "low", "--requeue", script=PATIENT)
        wait_until("the low job runs", lambda: self.log() == ["began 0"])
        high = self.submit(ALICE, "-q", "high", wrap=f"echo high >> {self.dir}/log")
        wait_until("it has been told", lambda: "told" in self.log())
        self.assertEqual(self.c.state(low), "COMPLETING")
        shown = self.slurm("scontrol", "show", "job", str(low))
        self.assertRegex(shown, r"\n   PreemptTime=\d{4}-\d\d-\d\dT")
        shown = self.slurm("scontrol", "show", "job", str(high))
        self.assertIn("JobState=PENDING Reason=Resources", shown)
        self.assertIn(f"it starts when job {low} of {ALICE} can be gone, in 10:0", self.why(high))

        # Somebody who stands before it in line does not get in between, not by a restart either.
        first = self.submit(ALICE, "-H", wrap=f"echo first >> {self.dir}/log")
        self.c.admin("gdctl", "update", str(first), "Priority=2000000").ok()
        self.c.admin("gdctl", "release", str(first)).ok()
        self.c.controller.kill()
        self.c.controller.start()
        wait_until("the controller is back", lambda: self.c.run(ALICE, "gdctl", "ping").status == 0)
        open(os.path.join(self.dir, "go"), "w").close()
        self.c.wait_end(high)
        self.c.wait_end(low)
        self.c.wait_end(first)
        self.assertEqual(self.log()[:3], ["began 0", "told", "high"])
        self.assertEqual(sorted(self.log()[3:]), ["began 1", "first"])
        self.assertIn("Restarts=1", self.slurm("scontrol", "show", "job", str(low)))
        self.assertEqual(self.c.state(low), "COMPLETED")

    def test_who_does_not_go_is_killed_after_the_grace(self):
        low = self.submit(ALICE, "-q", "brief", "--no-requeue", script=STUBBORN)
        wait_until("it runs", lambda: self.log() == ["began"])
        high = self.submit(BOB, "-q", "high", wrap="true")
        self.c.wait_end(high)
        self.assertEqual(self.c.state(low), "PREEMPTED")
        out = self.slurm("sacct", "-X", "-n", "-P", "-j", str(low), "-o", "State")
        self.assertEqual(out.strip(), "PREEMPTED")

    def test_a_victim_that_is_cancelled_has_not_all_of_its_grace(self):
        low = self.submit(ALICE, "-q", "low", script=STUBBORN)
        wait_until("it runs", lambda: self.log() == ["began"])
        high = self.submit(BOB, "-q", "high", wrap="true")
        self.c.wait_state(low, "COMPLETING")
        self.c.run(ALICE, "gdkill", str(low)).ok()
        self.c.wait_end(low)
        self.assertEqual(self.c.state(low), "CANCELLED")
        self.c.wait_end(high)

    def test_a_qos_may_say_that_its_jobs_are_cancelled(self):
        low = self.submit(ALICE, "-q", "lost", "--requeue")
        self.c.wait_state(low, "RUNNING")
        high = self.submit(BOB, "-q", "high", wrap="true")
        self.c.wait_end(high)
        self.assertEqual(self.c.state(low), "PREEMPTED")
        shown = self.slurm("squeue", "-h", "-t", "all", "-j", str(low), "-o", "%T")
        self.assertEqual(shown.strip(), "PREEMPTED")

    def test_who_is_of_no_lower_rank_or_safe_is_left_alone(self):
        kept = self.submit(ALICE, "-q", "high", "-c", "1")
        safe = self.submit(ALICE, "-q", "safe", "-c", "1")
        self.c.wait_state(kept, "RUNNING")
        self.c.wait_state(safe, "RUNNING")
        high = self.submit(BOB, "-q", "high", "-c", "1")
        text = self.why(high)
        self.assertIn(f"It may end job {safe} of {ALICE} later", text)
        self.assertNotIn(f"end job {kept}", text)
        self.assertEqual(self.c.state(high), "PENDING")
        self.assertEqual(self.c.state(safe), "RUNNING")

    def test_the_commands_tell_the_terms(self):
        self.assertEqual(self.slurm("sinfo", "-h", "-o", "%M").strip(), "REQUEUE")
        self.assertIn("PreemptMode=REQUEUE", self.slurm("scontrol", "show", "partition"))
        out = self.slurm(
            "sacctmgr", "-nP", "show", "qos", "format=name,preempt,preemptmode,gracetime"
        )
        self.assertEqual(
            out.splitlines(),
            [
                "normal||cluster|00:00:00",
                "low||cluster|00:10:00",
                "brief||cluster|00:00:01",
                "lost||cancel|00:00:00",
                "safe||cluster|00:00:00",
                "high|low,brief,lost,safe|cluster|00:00:00",
            ],
        )


class ByTier(PreemptionCase):
    config, sections = BY_TIER, TIERS

    def test_a_higher_tier_ends_a_lower_one_unless_that_is_off(self):
        kept = self.submit(ALICE, "-p", "kept", "-c", "1")
        low = self.submit(ALICE, "-p", "low", "-c", "1")
        self.c.wait_state(kept, "RUNNING")
        self.c.wait_state(low, "RUNNING")
        high = self.submit(BOB, "-p", "high", "-c", "1")
        self.c.wait_state(high, "RUNNING")
        self.c.wait_end(low)
        self.assertEqual(self.c.state(low), "PREEMPTED")
        self.assertEqual(self.c.state(kept), "RUNNING")
        out = self.slurm("sinfo", "-h", "-o", "%P %M")
        self.assertEqual(sorted(out.split("\n")[:-1]), ["high CANCEL", "kept OFF", "low* CANCEL"])
        self.assertIn("GraceTime=5", self.slurm("scontrol", "show", "partition", "kept"))


if __name__ == "__main__":
    unittest.main()
