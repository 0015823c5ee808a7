"""Mounts that users ask for and volumes that the administrator names; and those that must fail,
each with one line that says why, and without a mark on the node."""

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

from cluster import Cluster, USERS

ALICE, BOB = USERS


def volumes(folder):
    return f"""
[volume scratch]
path = {folder}/scratch/%u
target = /scratch
[volume ref]
path = {folder}/ref
target = /ref/%g
access = ro
[volume bobs]
path = {folder}/ref
target = /bobs
allow_users = {BOB}
[volume groups]
path = {folder}/ref
target = /groups
allow_groups = {grp.getgrgid(pwd.getpwnam(ALICE).pw_gid).gr_name}
[volume absent]
path = {folder}/absent
[volume link]
path = {folder}/open/%u
target = /link
"""


class Mounts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="gd-mounts-", dir="/srv")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        os.chmod(cls.dir, 0o755)
        cls.make_folders()
        text = volumes(cls.dir)
        cls.c = Cluster(
            partitions="[partition batch]\n" + text,
            node_config="mount_prefixes = /srv, /home\n" + text,
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    @classmethod
    def make_folders(cls):
        for name in ("ref", "shared", "empty", "open", f"scratch/{ALICE}", "private", "image/bin"):
            os.makedirs(f"{cls.dir}/{name}")
        for name in ("ref", "shared", "private"):
            with open(f"{cls.dir}/{name}/data", "w") as f:
                f.write(f"of {name}\n")
        alice = pwd.getpwnam(ALICE)
        os.chown(f"{cls.dir}/scratch/{ALICE}", alice.pw_uid, alice.pw_gid)
        os.chmod(f"{cls.dir}/scratch", 0o755)
        os.chmod(f"{cls.dir}/private", 0o700)
        os.chmod(f"{cls.dir}/open", 0o1777)
        subprocess.run(["mknod", "-m", "666", f"{cls.dir}/null", "c", "1", "3"], check=True)
        os.symlink("/etc", f"{cls.dir}/to-etc")
        os.symlink(f"{cls.dir}/private/data", f"{cls.dir}/to-private")
        shutil.copy("/bin/busybox", f"{cls.dir}/image/bin/sh")
        os.symlink("/etc", f"{cls.dir}/image/escape")

    def run_job(self, script, *options, user=ALICE):
        """The record of a job at its end, and what it printed."""
        out = os.path.join(pwd.getpwnam(user).pw_dir, f"mounts.{os.getpid()}")
        job = self.c.submit(user, "-o", out, *options, script="#!/bin/sh\n" + script)
        record = self.c.wait_end(job)
        text = ""
        if os.path.exists(out):
            text = self.c.read(out)
            os.unlink(out)
        return record, text

    def attempt(self, script, *options, user=ALICE):
        record, text = self.run_job(script, *options, user=user)
        self.assertEqual(record["state"], "COMPLETED", text + record["reason_text"])
        return text

    def refused_at_submission(self, why, *options):
        done = self.c.run(ALICE, "gdsub", *options, "--wrap", "true")
        self.assertEqual(done.status, 1, done.out + done.err)
        self.assertIn(why, done.err)
        self.assertEqual(done.err.count("\n"), 1, done.err)

    def fails_on_the_node(self, why, *options):
        record, text = self.run_job("echo it ran\n", *options)
        self.assertEqual(record["state"], "FAILED", text)
        self.assertNotIn("it ran", text)
        self.assertIn(why, record["reason_text"])

    # -- what is granted

    def test_a_folder_read_only_and_without_execution(self):
        text = self.attempt(
            "cat /in/data; echo x >/in/new || echo sealed; grep ' /in ' /proc/self/mountinfo\n",
            "--container-mounts",
            f"{self.dir}/shared:/in:ro+noexec",
        )
        self.assertIn("of shared\n", text)
        self.assertIn("sealed", text)
        for word in ("ro", "nosuid", "nodev", "noexec"):
            self.assertRegex(text, rf"[ ,]{word}[ ,]")

    def test_a_file_several_mounts_and_a_path_alone(self):
        text = self.attempt(
            f"cat /one /two/data {self.dir}/ref/data\n",
            "--container-mounts",
            f"{self.dir}/ref/data:/one:ro,{self.dir}/shared:/two,{self.dir}/ref",
        )
        self.assertEqual(text, "of ref\nof shared\nof ref\n")

    def test_a_tmpfs_has_its_size(self):
        text = self.attempt(
            "df -k /fast | tail -1; echo x >/fast/x && cat /fast/x\n",
            "--container-mounts",
            "tmpfs:/fast:size=3M",
        )
        self.assertRegex(text, r" 3072 ")
        self.assertIn("\nx\n", text)

    def test_umount_leaves_the_home_out(self):
        home = pwd.getpwnam(ALICE).pw_dir
        record, text = self.run_job(
            f"grep -c ' {home} ' /proc/self/mountinfo\ntrue\n",
            "-D",
            "/",
            "--container-mounts",
            f"umount:{home}",
        )
        self.assertEqual((record["state"], text), ("COMPLETED", "0\n"), record["reason_text"])

    def test_volumes_by_name(self):
        group = grp.getgrgid(pwd.getpwnam(ALICE).pw_gid).gr_name
        text = self.attempt(
            f"echo mine >/scratch/file; cat /ref/{group}/data /groups/data;"
            f" echo x >/ref/{group}/data || echo sealed; echo x >/groups/new || echo no right\n",
            "--volume",
            "scratch",
            "--volume=ref",
            "--volume=groups",
        )
        self.assertEqual(self.c.read(f"{self.dir}/scratch/{ALICE}/file"), "mine\n")
        self.assertIn("of ref\nof ref\n", text)
        self.assertIn("sealed", text)
        self.assertIn("no right", text)

    def test_a_volume_asked_read_only(self):
        text = self.attempt("echo x >/scratch/no || echo sealed\n", "--volume", "scratch:ro")
        self.assertIn("sealed", text)
        self.assertFalse(os.path.exists(f"{self.dir}/scratch/{ALICE}/no"))

    def test_volumes_in_gdrun(self):
        done = self.c.run(ALICE, "gdrun", "--volume=scratch", "sh", "-c", "echo run >/scratch/run")
        done.ok()
        self.assertEqual(self.c.read(f"{self.dir}/scratch/{ALICE}/run"), "run\n")

    # -- what is refused before there is a job

    def test_malformed_requests_are_refused_at_submission(self):
        for mount, why in (
            ("srv:/x", "'srv' is not an absolute path"),
            (f"{self.dir}/../../etc:/x", "has the part '..'"),
            (f"{self.dir}:/proc/self", "target /proc/self is the container's own"),
            (f"{self.dir}:/dev/mem", "target /dev/mem is the container's own"),
            (f"{self.dir}:/sys", "target /sys is the container's own"),
            (f"{self.dir}:/run/gd", "target /run/gd is the container's own"),
            (f"{self.dir}:/", "target / is the container's own"),
            ("umount:/proc", "target /proc is the container's own"),
            (f"{self.dir}:/x:suid", "flag 'suid' is never granted"),
            (f"{self.dir}:/x:dev", "flag 'dev' is never granted"),
            (f"{self.dir}:/x:rshared", "flag 'rshared' is never granted"),
            (f"{self.dir}:/x:rw:ro", "has 4 parts"),
            ("tmpfs:/x:size=0", "size 0 is not between"),
            ("volume:../etc", "is no name of a volume"),
        ):
            with self.subTest(mount=mount):
                self.refused_at_submission(why, "--container-mounts", mount)

    # -- what the node refuses

    def test_sources_that_the_user_may_not_have_fail_the_job(self):
        os.symlink("/etc", f"{self.dir}/open/{ALICE}")
        for options, why in (
            (("--container-mounts", f"{self.dir}/private/data:/x"), "Permission denied"),
            (("--container-mounts", f"{self.dir}/to-private:/x"), "Permission denied"),
            (("--container-mounts", f"{self.dir}/none:/x"), "No such file"),
            (("--container-mounts", f"{self.dir}/to-etc:/x"), "/etc is not below the folders"),
            (("--container-mounts", "/var:/x"), "/var is not below the folders"),
            (("--container-mounts", "/etc/shadow:/x"), "/etc/shadow is not below the folders"),
            (("--container-mounts", "/proc/1/root:/x"), "Permission denied"),
            (("--container-mounts", "/:/x"), "is not below the folders"),
            (("--container-mounts", f"{self.dir}/null:/x"), "is a device"),
            (("--container-mounts", "umount:/nothing"), "nothing is mounted at /nothing"),
            (
                ("--container-mounts", f"{self.dir}/ref:/x,{self.dir}/shared:/x"),
                "is mounted at /x already",
            ),
            (("--volume", "bobs"), f"user {ALICE} may not use volume bobs"),
            (("--volume", "ref:rw"), "volume ref is read-only; rw was asked"),
            (("--volume", "scrach"), "no such volume: scrach"),
            (("--volume", "absent"), "No such file"),
            (("--volume", "link"), "leads to /etc"),
        ):
            with self.subTest(options=options):
                self.fails_on_the_node(why, *options)

    def test_a_place_below_another_mount_is_not_made_by_root(self):
        self.fails_on_the_node(
            "/x/made/by/root does not exist in what is mounted at /x",
            "--container-mounts",
            f"{self.dir}/empty:/x,{self.dir}/ref:/x/made/by/root",
        )
        self.fails_on_the_node(
            "/x/made does not exist", "--container-mounts", f"{self.dir}/empty:/x,tmpfs:/x/made"
        )
        self.assertEqual(os.listdir(f"{self.dir}/empty"), [])

    def test_our_own_files_are_not_written_through_a_mount(self):
        for options in (
            ("--container-mounts", f"{self.dir}/empty:/etc"),
            ("--image", f"{self.dir}/image", "--container-mounts", f"{self.dir}/empty:/escape"),
        ):
            with self.subTest(options=options):
                self.attempt("true\n", *options)
                self.assertEqual(os.listdir(f"{self.dir}/empty"), [])


if __name__ == "__main__":
    unittest.main()
