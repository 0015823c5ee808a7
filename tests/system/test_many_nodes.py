"""Two hundred nodes of one controller, without machines: every one joins with a key of its own,
and jobs come, run, fail, time out and are cancelled on them as on any other."""

import collections
import json
import time
import unittest

from cluster import USERS, wait_until
from stand_in import StandInCluster

ALICE = USERS[0]
NODES = 200


class ManyNodes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = StandInCluster(f"n[1-{NODES}]", cpus=4, config="heartbeat = 2s\n").__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def submit(self, *options):
        return self.c.submit(ALICE, "-o", "/dev/null", "--mem=10M", *options)

    def idle(self):
        wait_until("all nodes are idle", lambda: self.c.states() == {"idle": NODES})

    def test_an_array_runs_on_all_of_them(self):
        job = self.submit("--array=1-2000", "-t", "10", "--wrap", "sleep 0.5")
        wait_until("the array has ended", lambda: not self.c.jobs("-j", str(job), "-t", "PD,R,CG"))
        states = self.c.admin(
            "gdacct", "-j", str(job), "-X", "-n", "-P", "-o", "State,NodeList"
        ).ok()
        rows = [line.split("|") for line in states.out.splitlines()]
        self.assertEqual(collections.Counter(row[0] for row in rows), {"COMPLETED": 2000})
        self.assertEqual(len({row[1] for row in rows}), NODES)
        self.idle()

    def test_a_job_over_many_nodes_gives_all_of_them_back(self):
        job = self.submit("-N", "150", "-t", "10", "--wrap", "sleep 0.5; exit 4")
        ended = self.c.wait_end(job)
        self.assertEqual(ended["state"], "FAILED")
        self.assertEqual(ended["exit_code"], "4:0")
        self.idle()

    def test_time_limits_cancellations_and_signals_end_steps(self):
        late = self.submit("-t", "0:01", "--wrap", "sleep 9999")
        cancelled = self.submit("-N", "20", "-t", "10", "--wrap", "sleep 9999")
        killed = self.submit("-t", "10", "--wrap", "sleep 9999")
        for job in (cancelled, killed):
            self.c.wait_state(job, "RUNNING")
        self.c.run(ALICE, "gdkill", str(cancelled)).ok()
        self.c.run(ALICE, "gdkill", "-s", "USR2", str(killed)).ok()
        self.assertEqual(self.c.wait_end(late)["state"], "TIMEOUT")
        self.assertEqual(self.c.wait_end(cancelled)["state"], "CANCELLED")
        self.assertEqual(self.c.wait_end(killed)["state"], "FAILED")
        self.idle()

    def test_jobs_go_on_while_the_controller_is_killed_and_started_again(self):
        job = self.submit("--array=1-400", "-t", "10", "--wrap", "sleep 3")
        wait_until("all run", lambda: len(self.c.jobs("-j", str(job), "-t", "R")) == 400)
        self.c.controller.kill()
        self.c.controller.start()
        wait_until("gdctld answers", lambda: self.c.admin("gdctl", "ping").status == 0)
        wait_until("they have ended", lambda: not self.c.jobs("-j", str(job), "-t", "PD,R,CG"))
        done = self.c.admin("gdacct", "-j", str(job), "-X", "-n", "-P", "-o", "State,Restarts").ok()
        self.assertEqual(
            collections.Counter(done.out.splitlines()), {"COMPLETED|0": 400}, done.out[:2000]
        )
        self.idle()

    def test_its_finished_jobs_are_a_trace_that_gdsim_plays_again(self):
        begin = time.strftime("%Y-%m-%dT%H:%M:%S")
        jobs = [self.submit("-n", "2", "-t", "5", "--wrap", f"sleep {i % 3}") for i in range(40)]
        jobs.append(self.submit("-N", "3", "-t", "5", "--wrap", "true"))
        for job in jobs:
            self.c.wait_end(job)
        done = self.c.admin("gdctl", "export", "swf", "StartTime=" + begin).ok()
        self.assertIn(f"; MaxNodes: {NODES}\n", done.out)
        self.assertIn(f"; NodeClasses: {NODES}x4x64G\n", done.out)
        rows = [line.split() for line in done.out.splitlines() if not line.startswith(";")]
        self.assertLessEqual(set(jobs), {int(row[0]) for row in rows})
        self.assertIn("several or whole nodes, which a trace cannot say", done.err)
        trace = self.c.path("own.swf")
        with open(trace, "w") as f:
            f.write(done.out)
        played = json.loads(self.c.admin("gdsim", "--json", trace).ok().out)
        self.assertEqual(played["jobs"], len(rows))
        self.assertEqual(played["procs"], NODES * 4)
        # On two nodes of the same kind the same jobs have to wait for each other.
        small = json.loads(self.c.admin("gdsim", "--json", "-N", "2x4x64G", trace).ok().out)
        self.assertGreater(small["mean_wait_s"], played["mean_wait_s"])
        refused = self.c.admin("gdctl", "export", "swf", "StartTime=now+1days")
        self.assertEqual((refused.status, refused.out), (1, ""))

    def test_what_only_a_machine_has_is_refused_and_not_waited_for(self):
        done = self.c.run(ALICE, "gdsub", "--explain-sandbox", "--wrap", "true")
        self.assertEqual(done.status, 1)
        self.assertIn("has no containers", done.err)


if __name__ == "__main__":
    unittest.main()
