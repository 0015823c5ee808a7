"""After every way a job can end, nothing of it is left: lists before and after."""

import os
import signal
import unittest

from cluster import Cluster, USERS, snapshot, wait_until
from test_kill_nine import shepherds

USER = USERS[0]
DEEP = "for i in 1 2 3 4 5; do (setsid sleep 300 &) ; done; sleep 300"


class Leftovers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(config="heartbeat = 2s\nnode_timeout = 5s\nkill_wait = 2s\n").__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def setUp(self):
        self.before = snapshot()

    def nothing_left(self):
        def extra():
            return snapshot() - self.before

        try:
            wait_until("nothing is left", lambda: not extra(), 20)
        except AssertionError:
            self.fail(f"left behind: {sorted(extra())}")
        spool = self.c.path("n1-spool")
        jobs = os.path.join(spool, "jobs")
        wait_until("spool is empty", lambda: not os.path.exists(jobs) or not os.listdir(jobs), 20)

    def start(self, *options, wrap=DEEP):
        job = self.c.submit(USER, "-o", "/dev/null", *options, "--wrap", wrap)
        self.c.wait_state(job, "RUNNING")
        return job

    def test_cancel(self):
        job = self.start()
        self.c.run(USER, "gdkill", str(job)).ok()
        self.c.wait_end(job)
        self.nothing_left()

    def test_cancel_of_a_job_that_ignores_term(self):
        job = self.start(wrap="trap '' TERM; while :; do sleep 1; done")
        self.c.run(USER, "gdkill", str(job)).ok()
        self.c.wait_end(job)
        self.nothing_left()

    def test_timeout(self):
        job = self.start("-t", "0:01")
        self.assertEqual(self.c.wait_end(job)["state"], "TIMEOUT")
        self.nothing_left()

    def test_out_of_memory(self):
        job = self.c.submit(
            USER,
            "-o",
            "/dev/null",
            "--mem=64M",
            "--wrap",
            "(setsid sleep 300 &); head -c 500000000 /dev/zero | tail >/dev/null",
        )
        self.assertEqual(self.c.wait_end(job)["state"], "OUT_OF_MEMORY")
        self.nothing_left()

    def test_agent_crash_with_the_job_running_on(self):
        job = self.start()
        self.c.nodes["n1"].kill()
        self.c.nodes["n1"].start()
        self.c.wait_node("n1")
        self.assertEqual(self.c.state(job), "RUNNING")
        self.c.run(USER, "gdkill", str(job)).ok()
        self.c.wait_end(job)
        self.nothing_left()

    def test_shepherd_crash(self):
        job = self.start("--no-requeue")
        victims = shepherds(self.c.tag)
        self.assertTrue(victims)
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.c.wait_end(job)
        self.nothing_left()

    def test_agent_and_shepherd_crash_together_as_when_a_node_dies(self):
        job = self.start("--no-requeue")
        self.c.nodes["n1"].kill()
        for pid in shepherds(self.c.tag):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until("the node is missed", lambda: self.c.node_state("n1").startswith("down"), 40)
        self.c.nodes["n1"].start()
        self.c.wait_node("n1")
        self.c.wait_end(job)
        self.nothing_left()


if __name__ == "__main__":
    unittest.main()
