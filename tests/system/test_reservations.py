"""Reservations in a whole cluster: nodes kept for users or for maintenance, by Slurm's commands,
through a restart of the controller."""

import json
import unittest

from client_case import slurm_names
from cluster import USERS, Cluster, wait_until

ALICE, BOB = USERS


class Reservations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(nodes=2).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def tearDown(self):
        self.c.cancel_everything()
        for name in [r["name"] for r in self.all()]:
            self.slurm("root", "scontrol", "delete", f"ReservationName={name}").ok()

    def slurm(self, user, *argv):
        return self.c.run(user, *argv, env={"PATH": slurm_names() + ":/usr/bin:/bin"})

    def all(self):
        done = self.c.run(ALICE, "gdctl", "show", "reservation", "--json").ok()
        return json.loads(done.out)["reservations"]

    def states(self, node, *options):
        done = self.slurm(ALICE, "sinfo", "-hN", "-n", node, "-o", "%t", *options).ok()
        return done.out.split()

    def sleeper(self, user, *options):
        return self.c.submit(user, "-o", "/dev/null", "--mem=10", *options, "--wrap", "sleep 600")

    def reason(self, job):
        return self.slurm(ALICE, "squeue", "-h", "-j", str(job), "-o", "%r").out.strip()

    def create(self, *words):
        return self.slurm("root", "scontrol", "create", "reservation", *words)

    def test_a_class_has_its_node_and_others_have_not(self):
        done = self.create(
            "ReservationName=class", "StartTime=now", "Duration=60", "Nodes=n1", f"Users={ALICE}"
        ).ok()
        self.assertEqual(done.out, "Reservation created: class\n")
        mine = self.sleeper(ALICE, "--reservation=class", "-t", "10")
        self.c.wait_state(mine, "RUNNING")
        self.assertEqual(self.c.job(mine)["nodes"], "n1")
        shown = self.slurm(ALICE, "squeue", "-h", "-j", str(mine), "-o", "%v").ok().out
        self.assertEqual(shown.strip(), "class")
        self.assertIn(self.states("n1")[0], ("mix", "alloc"))
        other = self.sleeper(BOB, "-N", "1", "-w", "n1", "-t", "10")
        wait_until("bob waits", lambda: self.reason(other) not in ("None", ""))
        why = self.c.run(BOB, "gdstat", "--why", str(other)).ok().out
        self.assertIn("reservation class", " ".join(why.split()))
        done = self.c.run(BOB, "gdsub", "--reservation=class", "--wrap", "true")
        self.assertEqual(
            (done.status, done.err),
            (
                1,
                "gdsub: access denied to requested reservation class: it is for others than user "
                f"{BOB}\n",
            ),
        )
        block = self.slurm(ALICE, "scontrol", "show", "reservation").ok().out
        self.assertRegex(
            block, r"^ReservationName=class StartTime=\S+ EndTime=\S+ Duration=01:00:00"
        )
        self.assertIn("Nodes=n1 NodeCnt=1", block)
        self.assertIn(f"Users={ALICE} Groups=(null) Accounts=(null)", block)
        self.assertIn("State=ACTIVE", block)
        table = self.slurm(ALICE, "sinfo", "-T").ok().out.splitlines()
        self.assertEqual(
            table[0].split(),
            ["RESV_NAME", "STATE", "START_TIME", "END_TIME", "DURATION", "NODELIST"],
        )
        self.assertEqual((table[1].split()[0], table[1].split()[-1]), ("class", "n1"))

        done = self.slurm("root", "scontrol", "delete", "ReservationName=class")
        self.assertEqual(done.status, 1)
        self.c.controller.kill()
        self.c.controller.start()
        wait_until("the controller is back", lambda: self.c.run(ALICE, "gdctl", "ping").status == 0)
        self.assertEqual([r["name"] for r in self.all()], ["class"])
        self.c.wait_node("n1")
        self.c.run(ALICE, "gdkill", str(mine)).ok()
        self.c.wait_end(mine)
        wait_until("n1 is marked", lambda: self.states("n1") == ["resv"])
        shown = self.slurm(ALICE, "scontrol", "show", "node", "n1").ok().out
        self.assertIn("State=IDLE+RESERVED", shown)
        self.assertEqual(self.states("n1", "-t", "resv"), ["resv"])
        self.assertEqual(self.states("n2", "-t", "resv"), [])
        self.slurm("root", "scontrol", "delete", "reservation", "class").ok()
        self.c.wait_state(other, "RUNNING")

    def test_maintenance_lets_short_jobs_finish_before_it(self):
        self.create("StartTime=now+30minutes", "Duration=60", "Nodes=ALL", "Flags=MAINT").ok()
        self.assertEqual([r["name"] for r in self.all()], ["root_1"])
        short = self.sleeper(ALICE, "-t", "20")
        long = self.sleeper(ALICE, "-t", "40")
        self.c.wait_state(short, "RUNNING")
        wait_until("the long one waits", lambda: self.reason(long) not in ("None", "", "Priority"))
        text = " ".join(self.c.run(ALICE, "gdstat", "--why", str(long)).ok().out.split())
        self.assertIn(
            "2 nodes are kept for reservation root_1 (maintenance), which begins in", text
        )
        self.assertIn(f"gdctl update {long} TimeLimit=", text)
        hint = next(w for w in text.split() if w.startswith("TimeLimit="))
        self.c.run(ALICE, "gdctl", "update", str(long), hint).ok()
        self.c.wait_state(long, "RUNNING")
        self.assertEqual(self.states("n2", "-t", "maint"), [], "it has not begun")
        self.slurm("root", "scontrol", "delete", "ReservationName=root_1").ok()
        self.create("StartTime=now", "Duration=9", "Nodes=ALL", "Flags=MAINT,IGNORE_JOBS").ok()
        wait_until("n2 is marked", lambda: self.states("n2") == ["maint"])
        self.assertRegex(self.states("n1")[0], r"^(mix|alloc)\$$")

    def test_only_administrators_make_them(self):
        done = self.slurm(
            ALICE, "scontrol", "create", "reservation", "Duration=60", "Nodes=n1", f"Users={ALICE}"
        )
        self.assertEqual(done.status, 1)
        self.assertEqual(self.all(), [])
        self.assertEqual(
            self.slurm(ALICE, "scontrol", "show", "res").ok().out, "No reservations in the system\n"
        )


if __name__ == "__main__":
    unittest.main()
