"""Jobs that try to break out, one attempt a test. Each attempt must fail inside
and leave no mark outside."""

import os
import pwd
import subprocess
import tempfile
import unittest

from cluster import Cluster, ENGINE, USERS, wait_until

ALICE, BOB = USERS

# Run with the host's own python in a job; prints "refused" or what it got away with.
CTYPES = """#!/usr/bin/python3
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    result = libc.syscall(number, *args)
    print('refused' if result < 0 else 'ALLOWED %d' % result, os.strerror(ctypes.get_errno()))
"""


class Isolation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(node_config="max_processes = 64\n").__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def attempt(self, script, *options, user=ALICE, state="COMPLETED"):
        """Runs a script in a job and gives what it printed, both streams."""
        job = self.c.submit(user, "-o", "attempt.%j", "--mem=200M", *options, script=script)
        record = self.c.wait_end(job)
        name = os.path.join(pwd.getpwnam(user).pw_dir, f"attempt.{job}")
        text = self.c.read(name)
        os.unlink(name)
        if state:
            self.assertEqual(record["state"], state, text)
        return text

    def test_the_container_is_made_by_the_engine_of_the_partition(self):
        text = self.attempt("#!/bin/sh\ncat /proc/1/comm\n")
        self.assertEqual(text, "gdshep\n" if ENGINE == "native" else "init\n")

    def test_files_of_another_user(self):
        home = pwd.getpwnam(BOB).pw_dir
        secret = os.path.join(home, "secret")
        self.c.run(BOB, "sh", "-c", f"umask 077; echo swordfish >{secret}").ok()
        text = self.attempt(f"#!/bin/sh\ncat {secret}; cat /etc/shadow; ls /root; echo done\n")
        self.assertNotIn("swordfish", text)
        self.assertNotIn("root:", text)
        self.assertIn("done", text)

    def test_a_setuid_program_of_an_image_gives_nothing(self):
        image = self.image({"bin/sh": 0o755, "bin/busybox": 0o6755})
        text = self.attempt(
            "#!/bin/sh\n/bin/busybox sh -c 'cat /proc/self/status' | "
            "grep -E '^(Uid|CapEff|NoNewPrivs)'\n",
            "--image",
            image,
        )
        uid = pwd.getpwnam(ALICE).pw_uid
        self.assertIn(f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}", text)
        self.assertIn("CapEff:\t0000000000000000", text)
        self.assertIn("NoNewPrivs:\t1", text)

    def test_a_device_of_an_image_is_dead(self):
        image = self.image({"bin/sh": 0o755})
        device = os.path.join(image, "disk")
        subprocess.run(["mknod", "-m", "666", device, "b", "7", "0"], check=True)
        zero = os.path.join(image, "zero")
        subprocess.run(["mknod", "-m", "666", zero, "c", "1", "5"], check=True)
        text = self.attempt(
            "#!/bin/sh\nhead -c 1 /disk; head -c 1 /zero | wc -c\n", "--image", image, state=None
        )
        self.assertIn("Permission denied", text)
        self.assertIn("\n0", text)

    def image(self, files):
        folder = tempfile.mkdtemp(dir=self.c.dir)
        os.chmod(folder, 0o755)
        os.mkdir(folder + "/bin")
        for name, mode in files.items():
            subprocess.run(["cp", "/bin/busybox", f"{folder}/{name}"], check=True)
            os.chmod(f"{folder}/{name}", mode)
        return folder

    def test_processes_of_other_jobs_cannot_be_seen_or_signalled(self):
        job = self.c.submit(
            ALICE, "-o", "/dev/null", script="#!/bin/bash\nexec -a marker sleep 300\n"
        )
        self.c.wait_state(job, "RUNNING")
        text = self.attempt(
            "#!/bin/bash\nkill -9 -1\n"
            "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; done; echo\n",
            state=None,
        )
        self.assertNotIn("marker", text)
        self.assertEqual(self.c.state(job), "RUNNING")
        self.c.run(ALICE, "gdkill", str(job)).ok()
        self.c.wait_end(job)

    def test_the_shepherds_init_cannot_be_traced_or_read(self):
        text = self.attempt(
            CTYPES + "call(101, 16, 1, 0, 0)\n"
            "for name in ('mem', 'environ', 'maps'):\n"
            "  try: print('ALLOWED', open('/proc/1/' + name).read(10))\n"
            "  except OSError as e: print('refused', e)\n"
        )
        self.assertNotIn("ALLOWED", text)

    def test_mounting_and_new_namespaces_are_refused(self):
        text = self.attempt(
            "#!/bin/sh\nmount -t tmpfs none /mnt; unshare -U true; unshare -m true; "
            "umount /proc; echo done\n"
        )
        self.assertNotIn("ALLOWED", text)
        self.assertEqual(
            text.count("ermitted") + text.count("enied") + text.count("must be superuser"), 4, text
        )

    def test_kernel_keyrings_modules_and_bpf_are_refused(self):
        calls = {
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "init_module": 175,
            "bpf": 321,
            "kexec_load": 246,
            "perf_event_open": 298,
            "userfaultfd": 323,
            "open_by_handle_at": 304,
        }
        lines = "".join(f"call({n}, 0, 0, 0, 0, 0)  # {name}\n" for name, n in calls.items())
        self.assertNotIn("ALLOWED", self.attempt(CTYPES + lines))

    def test_proc_and_sys_cannot_be_written(self):
        text = self.attempt(
            "#!/bin/sh\nfor f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger "
            "/sys/kernel/mm/transparent_hugepage/enabled /proc/sys/kernel/hostname; do\n"
            "  if echo x >$f; then echo ALLOWED $f; fi; done\n"
            "for f in /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do\n"
            "  if echo 0 >$f; then echo ALLOWED $f; fi; done; true\n"
        )
        self.assertNotIn("ALLOWED", text)

    def test_a_symlink_as_output_file_is_followed_with_the_users_rights_only(self):
        target = self.c.path("roots-file")
        with open(target, "w") as f:
            f.write("precious\n")
        os.chmod(target, 0o600)
        link = os.path.join(pwd.getpwnam(ALICE).pw_dir, "link.out")
        self.c.run(ALICE, "ln", "-sf", target, link).ok()
        job = self.c.submit(ALICE, "-o", link, "--wrap", "echo overwritten")
        record = self.c.wait_end(job)
        self.assertNotEqual(record["state"], "COMPLETED")
        self.assertEqual(self.c.read(target), "precious\n")

    def test_a_fork_bomb_stays_in_its_job(self):
        job = self.c.submit(
            ALICE, "-t", "0:05", "-o", "/dev/null", "--wrap", "b() { b | b & }; b; sleep 60"
        )
        self.c.wait_state(job, "RUNNING")
        other = self.c.submit(BOB, "-o", "/dev/null", "--wrap", "true")
        self.assertEqual(self.c.wait_end(other)["state"], "COMPLETED")
        self.c.wait_end(job)

    def test_a_memory_bomb_stays_in_its_job(self):
        neighbour = self.c.submit(BOB, "-o", "/dev/null", "--mem=100M", "--wrap", "sleep 3")
        self.c.wait_state(neighbour, "RUNNING")
        bomb = self.c.submit(
            ALICE,
            "-o",
            "/dev/null",
            "--mem=100M",
            "--wrap",
            "head -c 2000000000 /dev/zero | tail >/dev/null",
        )
        self.assertEqual(self.c.wait_end(bomb)["state"], "OUT_OF_MEMORY")
        self.assertEqual(self.c.wait_end(neighbour)["state"], "COMPLETED")

    def test_what_is_written_to_the_image_is_gone_and_the_host_unchanged(self):
        text = self.attempt(
            "#!/bin/sh\ntouch /usr/bin/gd-was-here /etc/gd-was-here /gd-was-here; "
            "echo x >/tmp/gd-was-here && echo private tmp works\n"
        )
        self.assertIn("private tmp works", text)
        for folder in ("/usr/bin", "/etc", "", "/tmp"):
            self.assertFalse(os.path.exists(folder + "/gd-was-here"), folder)

    def test_root_submits_nothing(self):
        done = self.c.run("root", "gdsub", "-o", "/dev/null", "--wrap", "true")
        self.assertEqual(done.status, 1)
        self.assertIn("root", done.err)

    def test_the_key_of_another_user_cannot_be_read_or_used(self):
        key = os.path.join(pwd.getpwnam(ALICE).pw_dir, ".config/gd", f"t{self.c.tag}.key")
        self.c.run(ALICE, "gdstat").ok()
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        done = self.c.run(BOB, "gdstat", env={"GD_KEY": key})
        self.assertEqual(done.status, 1)


if __name__ == "__main__":
    unittest.main()
