"""gdrun and gdsh on a real terminal (a pty of ours): exit codes, streams, resize,
Ctrl-C, job control, a client that is killed and comes back."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import fcntl
import pwd
import tempfile
import termios
import time
import unittest

from client_case import slurm_names
from cluster import Cluster, DEADLINE, Failure, USERS, wait_until

ALICE, BOB = USERS


class Terminal:
    """A command on a terminal of its own; type() and expect() as a person would."""

    def __init__(self, cluster, user, *argv, rows=30, columns=100):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        argv, where, who, _, _ = cluster.command(list(argv), user, env={"TERM": "xterm"})

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, preexec_fn=own_terminal, **where, **who
        )
        os.close(slave)
        self.seen = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, timeout=DEADLINE):
        end = time.monotonic() + timeout
        while True:
            found = re.search(pattern, self.seen)
            if found:
                self.seen = self.seen[found.end() :]
                return found
            left = end - time.monotonic()
            if left <= 0:
                raise Failure(f"waited for {pattern!r}; saw {self.seen[-2000:]!r}")
            if select.select([self.master], [], [], left)[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    if not re.search(pattern, self.seen):
                        raise Failure(f"ended before {pattern!r}; saw {self.seen[-2000:]!r}")

    def wait(self):
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    break
        try:
            return self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise Failure(f"it does not end; saw {self.seen[-2000:]!r}") from None

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


class Interactive(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster().__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        cls.srun = os.path.join(slurm_names(), "srun")  # ours, whatever else is installed

    def terminal(self, *argv, **keywords):
        terminal = Terminal(self.c, ALICE, *argv, **keywords)
        self.addCleanup(terminal.close)
        return terminal

    def test_gdrun_streams_and_gives_the_exit_code(self):
        done = self.c.run(ALICE, "gdrun", "sh", "-c", "echo out; echo err >&2; exit 5")
        self.assertEqual((done.out, done.err, done.status), ("out\n", "err\n", 5))

    def test_gdrun_of_a_killed_command_is_128_and_the_signal(self):
        self.assertEqual(self.c.run(ALICE, "gdrun", "sh", "-c", "kill -TERM $$").status, 143)

    def test_gdrun_of_a_missing_program(self):
        done = self.c.run(ALICE, "gdrun", "/no/such/program")
        self.assertEqual(done.status, 2)
        self.assertIn("/no/such/program", done.err)

    def test_gdrun_passes_standard_input_to_its_end(self):
        text = "line\n" * 20000
        done = self.c.run(ALICE, "gdrun", "cat", input=text)
        self.assertEqual(done.out, text)

    def folder(self):
        """A folder that is alice's."""
        path = tempfile.mkdtemp(prefix="run-", dir=self.c.dir)
        entry = pwd.getpwnam(ALICE)
        os.chown(path, entry.pw_uid, entry.pw_gid)
        return path

    def read(self, *parts):
        with open(os.path.join(*parts), encoding="utf-8") as file:
            return file.read()

    def test_gdrun_sends_its_streams_to_files_named_by_the_job(self):
        where = self.folder()
        script = "cat; echo err >&2; echo $SLURM_JOB_ID"
        with open(os.path.join(where, "in"), "w", encoding="utf-8") as file:
            file.write("typed\n")
        argv = ["-J", "named", "-i", "in", "-o", "%x-%t-%n-%s.out", "-e", "%u.%N.err"]
        done = self.c.run(ALICE, self.srun, *argv, "sh", "-c", script, cwd=where).ok()
        self.assertEqual((done.out, done.err), ("", ""))
        output = self.read(where, "named-0-0-0.out").split("\n")
        self.assertEqual(output[0], "typed")
        self.assertEqual(self.read(where, f"{ALICE}.n1.err"), "err\n")
        argv = ["-o", "%j.out", "--open-mode=append"]
        self.c.run(ALICE, "gdrun", *argv, "sh", "-c", script, cwd=where).ok()
        written = [name for name in os.listdir(where) if re.fullmatch(r"\d+\.out", name)]
        self.assertEqual(len(written), 1)  # and the error joined the output
        lines = self.read(where, written[0]).split()
        self.assertEqual(sorted(lines), sorted(["err", written[0].removesuffix(".out")]))

    def test_gdrun_appends_or_truncates_as_asked(self):
        where = self.folder()
        for mode, want in [("append", "a\n"), ("append", "a\na\n"), ("truncate", "a\n")]:
            argv = ["-o", "log", f"--open-mode={mode}"]
            self.c.run(ALICE, "gdrun", *argv, "echo", "a", cwd=where).ok()
            self.assertEqual(self.read(where, "log"), want)

    def test_gdrun_of_no_stream_at_all(self):
        script = "cat; echo out; echo err >&2"
        done = self.c.run(ALICE, "gdrun", "-i", "none", "-o", "none", "sh", "-c", script, input="x")
        self.assertEqual((done.out, done.err, done.status), ("", "", 0))
        done = self.c.run(ALICE, "gdrun", "-o", "none", "-e", "0", "sh", "-c", script, input="x")
        self.assertEqual((done.out, done.err, done.status), ("", "err\n", 0))

    def test_gdrun_labels_whole_lines(self):
        script = "printf 'a'; sleep 0.2; printf 'b\\nlast'; echo err >&2; exit 3"
        done = self.c.run(ALICE, self.srun, "-l", "sh", "-c", script)
        told = "srun: error: n1: task 0: Exited with exit code 3\n"
        self.assertEqual(
            (done.out, done.err, done.status), ("0: ab\n0: last\n", "0: err\n" + told, 3)
        )
        lines = 200000
        done = self.c.run(ALICE, self.srun, "-l", "seq", str(lines)).ok()
        self.assertEqual(done.out, "".join(f"0: {i + 1}\n" for i in range(lines)))

    def test_a_file_that_cannot_be_had_ends_what_was_started(self):
        done = self.c.run(ALICE, "gdrun", "-J", "nowhere", "-o", "/no/%j", "sleep", "300")
        self.assertEqual(done.status, 1)
        self.assertIn("No such file or directory", done.err)
        wait_until("it is gone", lambda: not [j for j in self.c.jobs() if j["name"] == "nowhere"])
        done = self.c.run(ALICE, "gdrun", "-o", "/dev/full", "echo", "lost")
        self.assertEqual(done.status, 1)
        self.assertIn("No space left on device", done.err)

    def test_a_step_has_files_of_its_own(self):
        where = self.folder()
        job = self.c.submit(ALICE, "-J", "host", script="#!/bin/sh\nsleep 300\n")
        self.c.wait_state(job, "RUNNING")
        argv = [self.srun, f"--jobid={job}", "--overlap", "-u", "-K1", "-W", "5"]
        for step in range(2):
            options = ["-o", "%A_%t_log.out", "-e", "%J-%x.err"]
            script = f"echo {step}; echo err >&2"
            self.c.run(ALICE, *argv, *options, "sh", "-c", script, cwd=where).ok()
            self.assertEqual(self.read(where, f"{job}_0_log.out"), f"{step}\n")
            self.assertEqual(self.read(where, f"{job}.{step}-host.err"), "err\n")
        done = self.c.run(ALICE, *argv, "-o", "/no/%j", "sleep", "299")
        self.assertEqual(done.status, 1)
        wait_until(
            "the step has ended",
            lambda: "sleep 299" not in self.c.run(ALICE, *argv, "ps", "-eo", "args").ok().out,
        )
        self.assertEqual(self.c.state(job), "RUNNING")
        self.c.run(ALICE, "gdkill", str(job)).ok()

    def test_gdrun_moves_more_than_any_buffer_holds(self):
        done = self.c.run(ALICE, "gdrun", "sh", "-c", "head -c 30000000 /dev/zero | tr '\\0' x")
        self.assertEqual(len(done.out), 30000000)

    def test_a_killed_gdrun_takes_its_job_along(self):
        client = self.c.start_command(ALICE, "gdrun", "-J", "orphan", "sleep", "300")
        wait_until(
            "it runs",
            lambda: [j for j in self.c.jobs() if j["name"] == "orphan" and j["state"] == "RUNNING"],
        )
        client.kill()
        client.communicate()
        wait_until(
            "it is gone",
            lambda: not [j for j in self.c.jobs("-t", "PD,R,CG") if j["name"] == "orphan"],
            90,
        )

    def test_a_shell_has_a_terminal_with_size_and_job_control(self):
        t = self.terminal("gdsh")
        t.type("stty size; tty; echo $TERM-$((6*7))\n")
        t.expect(r"30 100")
        t.expect(r"/dev/pts/\d+")
        t.expect(r"xterm-42")
        t.resize(50, 120)
        t.process.send_signal(signal.SIGWINCH)
        t.type("sleep 0.3; stty size\n")
        t.expect(r"50 120")
        t.type("sleep 300\n")
        time.sleep(0.5)
        t.type("\x03")
        t.type("echo after $((1+1)) $?\n")
        t.expect(r"after 2")
        t.type("sleep 301\n")
        time.sleep(0.5)
        t.type("\x1a")
        t.expect(r"Stopped")
        t.type("fg\n")
        t.expect(r"fg\r\n[^\n]*sleep 301")
        time.sleep(0.5)
        t.type("\x03")
        t.type("exit 9\n")
        self.assertEqual(t.wait(), 9)

    def test_a_shell_inside_a_running_job_sees_its_processes_and_files(self):
        job = self.c.submit(
            ALICE, "-o", "/dev/null", "--wrap", "echo hello >/tmp/mark; exec sleep 301"
        )
        self.c.wait_state(job, "RUNNING")
        t = self.terminal("gdsh", str(job))
        t.type("cat /tmp/mark; grep -l 301 /proc/[0-9]*/cmdline | wc -l; echo id-$SLURM_JOB_ID-\n")
        t.expect(r"hello")
        t.expect(rf"id-{job}-")
        t.type("exit 4\n")
        self.assertEqual(t.wait(), 4)
        self.assertEqual(self.c.state(job), "RUNNING")
        self.c.run(ALICE, "gdkill", str(job)).ok()
        self.c.wait_end(job)

    def test_a_lost_terminal_is_found_again(self):
        t = self.terminal("gdsh", "-J", "lasting")
        t.type("MARK=kept; echo ready-$((2+3))\n")
        t.expect(r"ready-5")
        t.process.kill()
        t.process.wait()
        job = [j for j in self.c.jobs() if j["name"] == "lasting" and j["state"] == "RUNNING"][0][
            "job_id"
        ]
        again = self.terminal("gdsh", "--attach", str(job))
        again.type("echo found-$MARK\n")
        again.expect(r"found-kept")
        again.type("exit 0\n")
        self.assertEqual(again.wait(), 0)

    def test_nobody_attaches_to_the_jobs_of_others(self):
        job = self.c.submit(ALICE, "-o", "/dev/null", "--wrap", "sleep 300")
        self.c.wait_state(job, "RUNNING")
        for command in (["gdsh", str(job)], ["gdsh", "--attach", str(job)]):
            done = self.c.run(BOB, *command)
            self.assertEqual(done.status, 1, done.err)
        self.c.run(ALICE, "gdkill", str(job)).ok()
        self.c.wait_end(job)


if __name__ == "__main__":
    unittest.main()
