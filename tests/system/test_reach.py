"""gdcp: files between a person's machine and a job's container."""

import os
import pwd
import tempfile
import unittest

from cluster import Cluster, USERS, wait_until

ALICE, BOB = USERS


class Reach(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster().__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def job(self, command="sleep 300", *options):
        job = self.c.submit(ALICE, "-o", "/dev/null", *options, "--wrap", command)
        self.c.wait_state(job, "RUNNING")
        self.addCleanup(lambda: self.c.run(ALICE, "gdkill", str(job)))
        return str(job)

    def folder(self, user=ALICE):
        path = tempfile.mkdtemp(prefix="reach-", dir=self.c.dir)
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)
        return path

    def as_alice(self, script, cwd):
        return self.c.run(ALICE, "/bin/sh", "-ec", script, cwd=cwd).ok()

    def inside(self, job, script):
        return (
            self.c.run(ALICE, "gdrun", f"--jobid={job}", "--overlap", "sh", "-c", script).ok().out
        )

    def test_a_folder_goes_in_and_comes_back_the_same(self):
        job, here = self.job(), self.folder()
        self.as_alice(
            "mkdir -p tree/deep/er; head -c 300000 /dev/urandom>tree/large; ln -s large tree/link;"
            "echo x >'tree/deep/odd name'; chmod 640 tree/large; chmod 500 tree/deep/er;"
            "touch -d '2001-02-03 04:05:06.5' tree/large",
            here,
        )
        self.c.run(ALICE, "gdcp", "-rp", "tree", f"{job}:/tmp", cwd=here).ok()
        seen = self.inside(job, "cd /tmp/tree; stat -c '%a %U %Y' large; readlink link")
        self.assertEqual(seen, f"640 {ALICE} 981173106\nlarge\n")
        self.assertFalse(os.path.exists("/tmp/tree"))  # /tmp is the job's own
        self.c.run(ALICE, "gdcp", "-rp", f"{job}:/tmp/tree", "back", cwd=here).ok()
        same = "diff -r tree back; (cd tree; find . -printf '%p %m %T@ %l\\n' | sort) >a;"
        self.as_alice(same + "(cd back; find . -printf '%p %m %T@ %l\\n' | sort) >b; cmp a b", here)

    def test_single_files_names_and_refusals(self):
        job, here = self.job(), self.folder()
        self.as_alice("echo one >1; echo two >2; mkdir d; mkfifo p", here)
        self.c.run(ALICE, "gdcp", "1", "2", f"{job}:/tmp", cwd=here).ok()
        self.c.run(ALICE, "gdcp", "1", f"{job}:/tmp/new", cwd=here).ok()
        self.assertEqual(self.inside(job, "cat /tmp/1 /tmp/2 /tmp/new"), "one\ntwo\none\n")
        self.c.run(ALICE, "gdcp", f"{job}:/tmp/new", f"{job}.copy", cwd=here).ok()
        for argv, said in [
            (["d", f"{job}:/tmp"], "d: is a folder; -r copies folders"),
            (["none", f"{job}:/tmp"], "none: No such file or directory"),
            (["p", f"{job}:/tmp"], "p: neither a file nor a folder"),
            (["1", f"{job}:/no/where"], "/no: No such file or directory"),
            (["1", f"{job}:/etc/passwd"], "/etc/passwd: "),
            (["1", "2", f"{job}:/tmp/new"], "/tmp/new: Not a directory"),
            ([f"{job}:/etc/shadow", "."], "/etc/shadow: Permission denied"),
        ]:
            done = self.c.run(ALICE, "gdcp", *argv, cwd=here)
            self.assertEqual(done.status, 1, done.err)
            self.assertIn(f"gdcp: {said}", done.err)
        self.assertEqual(self.c.run(ALICE, "gdcp", "1", "2", cwd=here).status, 2)
        self.assertEqual(self.c.run(BOB, "gdcp", f"{job}:/tmp/new", ".").status, 1)

    def test_links_that_a_job_has_laid_lead_nowhere(self):
        here = self.folder()
        job = self.job(
            "ln -s /etc /tmp/out; ln -s /etc/hostname /tmp/f; echo up >/tmp/up; sleep 300"
        )
        wait_until("the links are there", lambda: "up" in self.inside(job, "ls /tmp"))
        self.as_alice("mkdir out; echo mine >out/f; echo mine >f", here)
        done = self.c.run(ALICE, "gdcp", "-r", "out", f"{job}:/tmp", cwd=here)
        self.assertEqual(done.status, 1)
        self.assertIn("/tmp/out: ", done.err)
        self.c.run(ALICE, "gdcp", "f", f"{job}:/tmp", cwd=here).ok()
        self.assertEqual(
            self.inside(job, "cat /tmp/f; test -L /tmp/f || echo file"), "mine\nfile\n"
        )

    def test_a_large_file_goes_through_a_small_window(self):
        job, here = self.job(), self.folder()
        self.as_alice("head -c 40000000 /dev/urandom >large", here)
        self.c.run(ALICE, "gdcp", "large", f"{job}:/tmp", cwd=here).ok()
        self.c.run(ALICE, "gdcp", f"{job}:/tmp/large", "back", cwd=here).ok()
        self.as_alice("cmp large back", here)


if __name__ == "__main__":
    unittest.main()
