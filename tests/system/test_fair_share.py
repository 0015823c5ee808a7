"""Fair share in a whole cluster: what somebody has used puts her behind who has not, sprio and
sshare say so, and a restart of the controller forgets nothing."""

import unittest

from cluster import USERS, Cluster, wait_until

ALICE, BOB = USERS


class FairShare(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        accounts = (
            "\n[account lab]\nshares = 3\nusers = " + ALICE + ", " + BOB + ":2\n"
            "[account art]\nusers = *\n"
        )
        cls.c = Cluster(partitions="[partition batch]\nnodes = ALL\n" + accounts).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def shares(self, *options):
        done = self.c.run(ALICE, "gdshare", "-P", "-n", *options).ok()
        rows = [line.split("|") for line in done.out.splitlines()]
        return {(row[0].strip(), row[1]): row for row in rows}

    def usage_of(self, user):
        return int(self.shares("-a")["lab", user][4])

    def test_usage_counts_is_shown_and_survives(self):
        job = self.c.submit(ALICE, "-o", "/dev/null", "--wrap", "sleep 600")
        self.c.wait_state(job, "RUNNING")
        wait_until("what runs counts", lambda: self.usage_of(ALICE) > 0)
        self.c.run(ALICE, "gdkill", str(job)).ok()
        self.c.wait_end(job)
        used = self.usage_of(ALICE)
        self.assertGreater(used, 0)
        self.assertEqual(self.usage_of(BOB), 0)
        rows = self.shares("-a")
        self.assertEqual(rows["lab", ""][2], "3")
        self.assertEqual(rows["lab", BOB][3], "0.666667")
        self.assertEqual((rows["lab", ALICE][6], rows["lab", BOB][6]), ("0.500000", "1.000000"))
        self.assertEqual(
            set(self.shares()), {("root", ""), ("lab", ""), ("lab", ALICE), ("art", "")}
        )

        self.c.controller.kill()
        self.c.controller.start()
        wait_until("the controller is back", lambda: self.c.run(ALICE, "gdctl", "ping").status == 0)
        self.assertGreaterEqual(self.usage_of(ALICE), used - 1)

        held = [self.c.submit(user, "-H", "--wrap", "true") for user in (ALICE, BOB)]
        done = self.c.run(ALICE, "gdprio", "-h", "-o", "%i %u %F %Y").ok()
        rows = {int(line.split()[0]): line.split() for line in done.out.splitlines()}
        self.assertEqual([rows[job][1] for job in held], [ALICE, BOB])
        self.assertLess(int(rows[held[0]][2]), int(rows[held[1]][2]))
        self.assertLess(int(rows[held[0]][3]), int(rows[held[1]][3]))
        for user, job in zip((ALICE, BOB), held):
            self.c.run(user, "gdkill", str(job)).ok()

    def test_an_account_must_be_open_to_its_user(self):
        done = self.c.run(ALICE, "gdsub", "-A", "nope", "--wrap", "true")
        self.assertEqual(done.status, 1)
        self.assertEqual(
            done.err,
            f"gdsub: account nope is not open to user {ALICE}; open are lab, art\n",
        )

    def test_sprio_says_the_weights(self):
        done = self.c.run(ALICE, "gdprio", "-w").ok()
        head, weights = done.out.splitlines()
        self.assertEqual(
            head.split(),
            ["JOBID", "PARTITION", "PRIORITY", "SITE", "AGE", "FAIRSHARE", "PARTITION", "STRETCH"],
        )
        self.assertEqual(weights.split(), ["Weights", "1", "1000", "5000", "1000", "20000"])


if __name__ == "__main__":
    unittest.main()
