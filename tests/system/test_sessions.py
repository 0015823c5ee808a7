"""Sessions that are left, lost and found again with their screen, in terminals of tmux; several at
once; the idle limit; recordings; root inside."""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import unittest

from cluster import Cluster, Finished, USERS, find, wait_until
from tmux import Tmux

ALICE, BOB = USERS

# A full-screen program: alternate screen, margins, colours, mouse, no cursor; says what it is told.
FULL = r"""#!/usr/bin/python3
import os, signal, sys, termios, time, tty
keys = termios.tcgetattr(0)
tty.setraw(0)
def put(text):
    os.write(1, text.encode())
def draw(*_):
    rows, columns = os.get_terminal_size().lines, os.get_terminal_size().columns
    put(f"\x1b[{rows};1H\x1b[K{rows}x{columns}\x1b[3;5H")
signal.signal(signal.SIGWINCH, draw)
put("\x1b[?1049h\x1b[2J\x1b[?1000h\x1b[?25l\x1b[1;1H\x1b[1;33;44mtop\x1b[0m\x1b[2;1H\u4f60\u597d")
draw()
while True:
    try:
        key = os.read(0, 1)
    except InterruptedError:
        continue
    if key == b"q":
        break
    put("\x1b[3;5H" + repr(key) + "\x1b[3;5H")
put("\x1b[?1000l\x1b[?25h\x1b[?1049l")
termios.tcsetattr(0, termios.TCSANOW, keys)
print("over")
"""


class Sessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(
            config="heartbeat = 1s\n",
            node_config="sample_interval = 1s\n",
            partitions="[partition batch]\ndefault = yes\n[partition brief]\nsession_idle = 6s\n",
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        cls.program = os.path.join(pwd.getpwnam(ALICE).pw_dir, "gd-test-full-screen")
        cls.addClassCleanup(lambda: os.remove(cls.program))
        with open(cls.program, "w", encoding="utf-8") as file:
            file.write(FULL)
        os.chmod(cls.program, 0o755)

    def terminal(self, **size):
        terminal = Tmux(self.c, ALICE, **size)
        self.addCleanup(terminal.close)
        return terminal

    def begin(self, terminal, name, *options, command=""):
        words = ["gdsh", "-Q", "-J", name, *options, command or "env PS1='in> ' /bin/sh"]
        terminal.keys("clear; " + " ".join(words), "Enter")
        if not command:
            terminal.see("^in>")
        job = self.job(name)
        self.addCleanup(lambda: self.c.run(ALICE, "gdkill", job))
        return job

    def job(self, name):
        found = []

        def look():
            found[:] = [j for j in self.c.jobs() if j["name"] == name and j["state"] == "RUNNING"]
            return found

        wait_until(f"{name} runs", look)
        return str(found[0]["job_id"])

    def clients(self, what):
        """Processes of a gdsh in a terminal."""
        done = self.c.run(ALICE, "pgrep", "-u", ALICE, "-f", what)
        return [int(pid) for pid in done.out.split()]

    def kill_client(self, job_name):
        pids = self.clients(f"^gdsh -Q -J {job_name}")
        self.assertEqual(len(pids), 1, pids)
        os.kill(pids[0], signal.SIGKILL)

    def ended(self, job):
        wait_until(f"job {job} has ended", lambda: job not in map(str, self.live_jobs()))

    def live_jobs(self):
        return [j["job_id"] for j in self.c.jobs() if j["state"] in ("RUNNING", "COMPLETING")]

    def test_a_killed_client_finds_its_full_screen_program_as_it_was(self):
        first = self.terminal()
        job = self.begin(first, "full")
        first.keys("echo be''low; " + self.program, "Enter")
        first.see("^24x120")
        first.keys("a")
        first.see(r"^    b'a'")
        screen, cursor = first.screen("-e"), first.cursor()
        self.assertEqual(cursor, "4,2 0 1 1")
        self.kill_client("full")
        second = self.terminal()
        second.keys(f"gdsh --attach {job}; echo came ba''ck", "Enter")
        second.see(r"^    b'a'")
        self.assertEqual(second.screen("-e"), screen)
        self.assertEqual(second.cursor(), cursor)
        # It hears of another size, takes keys, and gives back the screen that was below.
        second.resize(100, 30)
        second.see("^30x100")
        second.keys("b")
        second.see(r"^    b'b'")
        second.keys("q")
        second.see("^over")
        self.assertRegex(second.screen(), r"(?m)^in> echo be''low; [^\n]*\n(.*\n)?below\n")
        self.assertTrue(second.cursor().endswith(" 1 0 0"))
        second.keys("exit 3", "Enter")
        second.see("came back")
        self.ended(job)

    def test_vi_is_left_by_a_key_and_found_again(self):
        home = pwd.getpwnam(ALICE).pw_dir
        path = os.path.join(home, "edited")
        self.addCleanup(lambda: os.path.exists(path) and os.remove(path))
        terminal = self.terminal()
        job = self.begin(terminal, "editor")
        terminal.keys("vi -u NONE -n edited", "Enter")
        terminal.see("^~")
        terminal.keys("i", "first line", "Enter", "second", "Escape")
        terminal.see("^second")
        screen = terminal.screen()
        # A tilde after Enter is gdsh's: in vi the line begins with the Enter of a command.
        terminal.keys(":set number", "Enter")
        terminal.see("^ +2 second")
        screen = terminal.screen()
        terminal.keys("~d")
        terminal.see(f"left job {job}; come back with 'gdsh --attach {job}'")
        self.assertTrue(terminal.cursor().endswith(" 1 0 0"))
        wait_until(
            "it is listed as left",
            lambda: re.search(
                rf"(?m)^{job} +n1 +left ", self.c.run(ALICE, "gdsh", "--list").ok().out
            ),
        )
        terminal.keys(f"clear; gdsh --attach {job}", "Enter")
        terminal.see("^ +2 second")
        self.assertEqual(terminal.screen(), screen)
        terminal.keys(":wq", "Enter")
        terminal.see("^in>")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "first line\nsecond\n")
        terminal.keys("exit", "Enter")
        self.ended(job)

    def test_lines_that_scrolled_off_and_job_control_are_there_after_a_hang_up(self):
        first = self.terminal()
        job = self.begin(first, "scroll")
        first.keys("seq 1 200; sleep 300", "Enter")
        first.see("^200")
        first.keys("C-z")
        first.see("Stopped|Suspended")
        first.close()  # the window is closed: a hang-up
        wait_until("its client has left", lambda: not self.clients("^gdsh -Q -J scroll"))
        second = self.terminal()
        second.keys(f"gdsh --attach {job}", "Enter")
        second.see("^200")
        lines = second.screen("-S", "-").splitlines()
        numbers = [line for line in lines if re.fullmatch(r"\d+", line)]
        self.assertEqual(numbers, [str(i + 1) for i in range(200)])
        second.keys("fg", "Enter")
        second.see("^sleep 300")
        second.keys("C-c")
        second.keys("echo interr''upted", "Enter")
        second.see("^interrupted")
        second.keys("exit", "Enter")
        self.ended(job)

    def test_several_sessions_in_one_job_are_listed_and_attached_by_number(self):
        first, second = self.terminal(), self.terminal()
        job = self.begin(first, "several")
        second.keys(f"clear; gdsh {job} env PS1='two> ' /bin/sh", "Enter")
        second.see("^two>")
        second.keys("echo mark-$((40+2))", "Enter")
        second.see("^mark-42")

        def listed():
            lines = self.c.run(ALICE, "gdsh", "--list").ok().out.splitlines()[1:]
            found = {line.split()[0]: line.split()[2] for line in lines}
            return {id: state for id, state in found.items() if id.split(".")[0] == job}

        wait_until(
            "both are attached", lambda: listed() == {job: "attached", f"{job}.0": "attached"}
        )
        self.assertEqual(self.c.run(BOB, "gdsh", "--list").ok().out.count("\n"), 1)
        first.keys("Enter", f"~d")
        first.see("left job")
        first.keys(f"clear; gdsh --attach {job}.0", "Enter")
        first.see("^mark-42")
        second.see("another gdsh has taken over this session")
        first.keys("exit", "Enter")
        wait_until("one is left", lambda: listed() == {job: "left"})
        self.c.run(ALICE, "gdkill", job).ok()
        self.ended(job)

    def test_an_idle_session_is_warned_and_ended(self):
        terminal = self.terminal()
        job = self.begin(terminal, "idle", "-p", "brief")
        terminal.see("nothing happens here: this session ends in 3s")
        terminal.keys("Enter", "Enter")  # that is something
        terminal.see("idle for 6s, the most that partition brief allows")
        self.ended(job)
        wait_until(
            "the accounts say so",
            lambda: "CANCELLED"
            in self.c.run(ALICE, "gdacct", "-X", "-n", "-j", job, "-o", "State").out,
        )

    def test_a_session_is_recorded_and_never_over_a_file_that_is_there(self):
        home = pwd.getpwnam(ALICE).pw_dir
        terminal = self.terminal()
        job = self.begin(terminal, "recorded", "--record=rec-%j.cast")
        path = os.path.join(home, f"rec-{job}.cast")
        self.addCleanup(lambda: os.path.exists(path) and os.remove(path))
        terminal.keys("echo rec''orded", "Enter")
        terminal.see("^recorded")
        terminal.keys("exit", "Enter")
        self.ended(job)
        with open(path, encoding="utf-8") as file:
            head, *events = [json.loads(line) for line in file]
        self.assertEqual((head["version"], head["width"], head["height"]), (2, 80, 24))
        self.assertIn([120, 24], [list(map(int, e[2].split("x"))) for e in events if e[1] == "r"])
        self.assertIn("recorded\r\n", "".join(e[2] for e in events if e[1] == "o"))
        self.assertEqual(os.stat(path).st_mode & 0o7777, 0o600)
        self.assertEqual(os.stat(path).st_uid, pwd.getpwnam(ALICE).pw_uid)
        terminal.keys(f"clear; gdsh -Q --record={path} true; echo code $?", "Enter")
        terminal.see(r"File exists")
        terminal.see("^code 1")

    def test_root_inside_is_a_session_like_any_other(self):
        terminal = self.terminal()
        job = self.begin(terminal, "rooted", "--root")
        terminal.keys("id -u; exit", "Enter")
        terminal.see("^0$")
        self.ended(job)


class OtherLogin:
    """A second login node: its own network, its own configuration, homes of its own."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name

    def run(self, user, *argv, env=None):
        home = self.cluster.path("homes", user)
        if not os.path.exists(home):
            os.makedirs(home)
            shutil.chown(home, user, user)
        environment = {
            "PATH": os.path.dirname(find("gdsub")) + ":/usr/bin:/bin",
            "GD_CONF": self.cluster.path(self.name + ".conf"),
            "HOME": home,
            "LANG": "C.UTF-8",
            **(env or {}),
        }
        network = "--net=/run/netns/" + self.cluster.namespace_of(self.name)
        become = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        argv = ["nsenter", network, *become, *argv]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, cwd="/"
        )
        return Finished(argv, done.returncode, done.stdout, done.stderr)


class FromAnotherLoginNode(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(
            nodes=2, net=True, config="heartbeat = 1s\n", node_config="sample_interval = 1s\n"
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def terminal(self, machine):
        terminal = Tmux(machine, ALICE)
        self.addCleanup(terminal.close)
        return terminal

    def test_a_session_that_was_begun_on_one_login_node_is_found_on_another(self):
        here, there = self.terminal(self.c), OtherLogin(self.c, "n2")
        here.keys("gdsh -Q -J moves -w n1 env PS1='in> ' /bin/sh", "Enter")
        here.see("^in>")
        here.keys("cd /tmp; mark=$((40+2)); echo mark-$mark", "Enter")
        here.see("^mark-42")
        job = str(next(j["job_id"] for j in self.c.jobs() if j["name"] == "moves"))
        # Nobody says there who its users are; then the administrator lets that machine.
        refused = there.run(ALICE, "gdsh", "--list")
        self.assertNotEqual(refused.status, 0)
        self.assertIn("gdlogin", refused.err)
        self.c.admin("gdctl", "node", "vouch", "n2").ok()
        self.c.nodes["n2"].stop()  # it is told with its next welcome
        self.c.nodes["n2"].start()
        wait_until("n2 may", lambda: there.run(ALICE, "gdsh", "--list").status == 0)
        listed = lambda: there.run(ALICE, "gdsh", "--list").ok().out
        wait_until("it is listed", lambda: re.search(rf"(?m)^{job} +n1 +attached ", listed()))
        second = self.terminal(there)
        second.keys(f"clear; gdsh --attach {job}", "Enter")
        second.see("^mark-42")
        here.see("another gdsh has taken over this session")
        second.keys("clear; echo still-$mark-in-$PWD", "Enter")
        second.see("^still-42-in-/tmp")
        self.assertNotEqual(there.run(BOB, "gdsh", "--attach", job).status, 0)
        here.keys(f"clear; gdsh --attach {job}", "Enter")  # and home again
        here.see("^still-42-in-/tmp")
        here.keys("exit", "Enter")
        second.see("taken over")
        self.c.wait_state(int(job), "COMPLETED")


if __name__ == "__main__":
    unittest.main()
