"""A job's output as it is written, from its node: gdsub --follow and gdstat --follow, over the
network between two namespaces, with the rights of the job's user and nobody else's."""

import os
import pwd
import shutil
import signal
import tempfile
import time
import unittest

from cluster import Cluster, DEADLINE, USERS, wait_until

ALICE, BOB = USERS


class Follow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(nodes=2, net=True).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def setUp(self):
        home = pwd.getpwnam(ALICE)
        self.dir = tempfile.mkdtemp(prefix="follow-", dir=home.pw_dir)
        os.chown(self.dir, home.pw_uid, home.pw_gid)
        self.addCleanup(shutil.rmtree, self.dir, True)

    def follow(self, *argv, user=ALICE):
        process = self.c.start_command(user, *argv, cwd=self.dir)
        os.set_blocking(process.stdout.fileno(), False)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()

    def expect(self, process, text):
        seen = b""
        end = time.monotonic() + DEADLINE
        while text.encode() not in seen and time.monotonic() < end:
            piece = process.stdout.read()
            if piece:
                seen += piece
            elif process.poll() is not None:
                break
            else:
                time.sleep(0.02)
        self.assertIn(text.encode(), seen, process.poll())
        return seen.decode()

    def job_of(self, process):
        os.set_blocking(process.stderr.fileno(), True)
        line = process.stderr.readline().decode()
        self.assertRegex(line, r"^gdsub: job \d+\n$")
        return int(line.split()[-1])

    def touch(self, name):
        with open(os.path.join(self.dir, name), "w"):
            pass

    def test_gdsub_follow_shows_all_and_exits_with_the_jobs_code(self):
        for wrap, out, code in [
            ("echo hello; exit 7", "hello\n", 7),
            ("true", "", 0),
            ("echo last; kill -9 $$", "last\n", 137),
        ]:
            done = self.c.run(ALICE, "gdsub", "--follow", "-Q", "--wrap", wrap, cwd=self.dir)
            self.assertEqual((done.out, done.status), (out, code), done.err)

    def test_output_comes_while_the_job_runs_and_both_streams_are_apart(self):
        process = self.follow(
            "gdsub",
            "--follow",
            "-o",
            "out",
            "-e",
            "err",
            "--wrap",
            "echo one; echo oops >&2; while [ ! -e go ]; do sleep 0.1; done; echo two; exit 3",
        )
        job = self.job_of(process)
        self.expect(process, "one\n")
        self.assertEqual(self.c.state(job), "RUNNING")
        late = self.follow("gdstat", "--follow", str(job))
        self.expect(late, "one\n")
        self.touch("go")
        self.expect(process, "two\n")
        self.expect(late, "two\n")
        self.assertEqual((process.wait(DEADLINE), late.wait(DEADLINE)), (3, 3))
        self.assertEqual(process.stderr.read(), b"oops\n")

    def test_much_output_comes_whole(self):
        done = self.c.run(ALICE, "gdsub", "--follow", "-Q", "--wrap", "seq 1 1000000", cwd=self.dir)
        self.assertEqual(done.status, 0, done.err)
        self.assertEqual(done.out, "".join(f"{i}\n" for i in range(1, 1000001)))

    def test_the_tail_of_a_long_file_and_leaving(self):
        job = self.c.submit(
            ALICE,
            "-o",
            "out",
            "--wrap",
            "seq 1 5000; while [ ! -e go ]; do sleep 0.1; done",
            cwd=self.dir,
        )
        wait_until("it wrote", lambda: "5000\n" in self.output("out"))
        process = self.follow("gdstat", "--follow", "--tail=2", str(job))
        self.assertEqual(self.expect(process, "5000\n"), "4999\n5000\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(DEADLINE), -signal.SIGINT)
        self.assertEqual(self.c.state(job), "RUNNING")
        first = self.c.run(ALICE, "/bin/sh", "-c", f"gdstat --follow {job} | head -n 1")
        self.assertEqual((first.out, first.err), ("1\n", ""))
        self.touch("go")
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")

    def output(self, name):
        try:
            return self.c.read(os.path.join(self.dir, name))
        except FileNotFoundError:
            return ""

    def test_the_files_are_opened_with_the_users_own_rights(self):
        secret = os.path.join(self.dir, "secret")
        with open(secret, "w") as f:
            f.write("of root\n")
        os.chmod(secret, 0o600)
        job = self.c.submit(
            ALICE,
            "-o",
            "out",
            "--wrap",
            "ln -sf $PWD/secret out; touch linked; while [ ! -e go ]; do sleep 0.1; done",
            cwd=self.dir,
        )
        wait_until("it has replaced its output", lambda: os.path.exists(self.dir + "/linked"))
        refused = self.c.run(ALICE, "gdstat", "--follow", str(job))
        self.assertEqual((refused.status, refused.out), (1, ""))
        self.assertIn("Permission denied", refused.err)
        other = self.c.run(BOB, "gdstat", "--follow", str(job))
        self.assertEqual((other.status, other.out), (1, ""), other.err)
        self.touch("go")
        self.c.wait_end(job)

    def test_a_waiting_job_is_waited_for_and_an_ended_one_is_told(self):
        job = self.c.submit(ALICE, "--hold", "--wrap", "echo at last", cwd=self.dir)
        process = self.follow("gdstat", "--follow", str(job))
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        self.c.run(ALICE, "gdctl", "release", str(job)).ok()
        self.c.wait_end(job)
        self.assertEqual(process.wait(DEADLINE), 0)
        late = self.c.run(ALICE, "gdstat", "--follow", str(job))
        self.assertEqual((late.status, late.out), (0, ""))
        self.assertRegex(late.err, rf"^gdstat: job {job} has ended, and its node does not send")

    def test_a_job_that_is_sent_back_is_followed_again(self):
        process = self.follow(
            "gdsub",
            "--follow",
            "--requeue",
            "--wrap",
            "echo life $SLURM_RESTART_COUNT; while [ ! -e go ]; do sleep 0.1; done",
        )
        job = self.job_of(process)
        self.expect(process, "life\n")
        self.c.run(ALICE, "gdctl", "requeue", str(job)).ok()
        self.expect(process, "life 1\n")
        self.touch("go")
        self.assertEqual(process.wait(DEADLINE), 0)

    def test_refusals(self):
        held = self.c.submit(ALICE, "--hold", "-a", "1-3", "--wrap", "true")
        for argv, status, text in [
            (["gdstat", "--follow"], 2, "gdstat: --follow wants one job\n"),
            (["gdstat", "--follow", "999999"], 1, "gdstat: job 999999: no such job\n"),
            (["gdstat", "--tail=3"], 2, "gdstat: --tail goes with --follow\n"),
            (
                ["gdstat", "--follow", str(held)],
                1,
                f"gdstat: job {held} is several jobs; follow one: {held}_ELEMENT\n",
            ),
            (
                ["gdsub", "--follow", "-a", "1-3", "--wrap", "true"],
                2,
                "gdsub: --follow shows one job's output; this is an array\n",
            ),
        ]:
            done = self.c.run(ALICE, *argv)
            self.assertEqual((done.status, done.err), (status, text))
        null = self.c.run(ALICE, "gdsub", "--follow", "-Q", "-o", "/dev/null", "--wrap", "sleep 1")
        self.assertEqual(null.status, 1)
        self.assertIn("no plain file: nothing to follow", null.err)


if __name__ == "__main__":
    unittest.main()
