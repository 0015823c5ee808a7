"""kill -9 of the daemons, again and again, while jobs are submitted.

Each job appends a line to a file of its own when it starts. What must hold: a job
that was acknowledged exists exactly once and comes to an end; a job whose shepherd
was not killed has started exactly once.
"""

import os
import pwd
import random
import signal
import threading
import unittest

from cluster import Cluster, DEADLINE, USERS, wait_until

ROUNDS = int(os.environ.get("GD_KILL_ROUNDS", "50"))
USER = USERS[0]


def shepherds(tag):
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/cmdline") as f:
                words = f.read().split("\0")
        except OSError:
            continue
        if words and os.path.basename(words[0]) == "gdshep" and tag in " ".join(words):
            found.append(int(entry))
    return found


class KillNine(unittest.TestCase):
    def test_every_acknowledged_job_exists_once_ends_and_ran_once(self):
        seed = int(os.environ.get("GD_SEED", random.randrange(1 << 30)))
        chance = random.Random(seed)
        folder = os.path.join(pwd.getpwnam(USER).pw_dir, "kill9")
        with Cluster() as c:
            c.run(USER, "rm", "-rf", folder)
            c.run(USER, "mkdir", folder).ok()
            acknowledged, over = [], threading.Event()

            def submit():
                while not over.is_set():
                    done = c.run(
                        USER,
                        "gdsub",
                        "--parsable",
                        "--no-requeue",
                        "-D",
                        folder,
                        "-o",
                        "/dev/null",
                        "--wrap",
                        "echo started >>ran.$SLURM_JOB_ID; sleep 0.3",
                    )
                    if done.status == 0:
                        acknowledged.append(int(done.out))

            client = threading.Thread(target=submit)
            client.start()
            shot = 0
            try:
                for _ in range(ROUNDS):
                    over.wait(chance.uniform(0.05, 0.6))
                    victim = chance.choice(["gdctld", "gdnoded", "gdshep"])
                    if victim == "gdctld":
                        c.controller.kill()
                        c.controller.start()
                    elif victim == "gdnoded":
                        c.nodes["n1"].kill()
                        c.nodes["n1"].start()
                    else:
                        alive = shepherds(c.tag)
                        if alive:
                            shot += 1
                            try:
                                os.kill(chance.choice(alive), signal.SIGKILL)
                            except ProcessLookupError:
                                pass
            finally:
                over.set()
                client.join(DEADLINE * 2)
            with self.subTest(seed=seed):
                self.check(c, folder, acknowledged, shot)
            c.run(USER, "rm", "-rf", folder)

    def check(self, c, folder, acknowledged, shot):
        self.assertGreater(len(acknowledged), ROUNDS / 5)
        self.assertEqual(len(acknowledged), len(set(acknowledged)))
        wait_until("controller answers", lambda: c.admin("gdctl", "ping").status == 0)
        lost = 0
        for job in acknowledged:
            record = c.wait_end(job, 120)
            try:
                starts = c.read(os.path.join(folder, f"ran.{job}")).count("started")
            except FileNotFoundError:
                starts = 0
            self.assertLessEqual(starts, 1, record)
            if record["state"] == "COMPLETED":
                self.assertEqual(starts, 1, record)
            else:
                lost += 1
        self.assertLessEqual(lost, shot, "more jobs failed than shepherds were shot")


if __name__ == "__main__":
    unittest.main()
