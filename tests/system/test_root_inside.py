"""Root inside of a real Debian image: packages are installed, and nothing outside changes."""

import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

from cluster import Cluster, USERS
from debian_image import make_debian_image

ALICE = USERS[0]

CONTROL = """Package: gd-example
Version: 1.0
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: a package with a user of its own and a maintainer script
"""

POSTINST = """#!/bin/sh
set -e
groupadd --system gdexample
useradd --system --gid gdexample gdexample
chown gdexample:gdexample /usr/share/gd-example/owned
"""


class RootInside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="gd-debian-", dir="/var/tmp")
        os.chmod(cls.work, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        cls.image = os.path.join(cls.work, "debian")
        cls.make_repository(os.path.join(cls.work, "repository"))
        make_debian_image(cls.image, "passwd")
        shutil.copytree(os.path.join(cls.work, "repository"), cls.image + "/opt/repository")
        with open(cls.image + "/etc/apt/sources.list", "w") as f:
            f.write("deb [trusted=yes] file:/opt/repository ./\n")
        cls.c = Cluster(
            config="default_image = host\n",
            node_config=f"image_prefixes = {cls.work}\nwritable_size = 2G\n"
            f"job_dir = {cls.work}/jobs\n",
            partitions="[partition batch]\n[partition strict]\nroot_inside = no\n"
            "[partition sealed]\nroot_mounts_read_only = yes\n",
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    @classmethod
    def make_repository(cls, folder):
        package = os.path.join(cls.work, "package")
        os.makedirs(package + "/DEBIAN")
        os.makedirs(package + "/usr/share/gd-example")
        with open(package + "/usr/share/gd-example/owned", "w") as f:
            f.write("installed\n")
        with open(package + "/DEBIAN/control", "w") as f:
            f.write(CONTROL)
        with open(package + "/DEBIAN/postinst", "w") as f:
            f.write(POSTINST)
        os.chmod(package + "/DEBIAN/postinst", 0o755)
        os.makedirs(folder)
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "--build", package, folder],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with open(folder + "/Packages", "w") as f:
            subprocess.run(
                ["dpkg-scanpackages", "--multiversion", "."],
                cwd=folder,
                check=True,
                stdout=f,
                stderr=subprocess.DEVNULL,
            )

    def run_inside(self, script, *options):
        done = self.c.run(
            ALICE, "gdrun", "--root", "--image", self.image, *options, "sh", "-c", script
        )
        return done

    def test_apt_get_installs_a_package_with_a_user_of_its_own(self):
        before = self.snapshot()
        done = self.run_inside(
            "apt-get -q update && apt-get -q -y install gd-example && "
            "stat -c %U:%G /usr/share/gd-example/owned && id -un && id -u && "
            "echo made by root inside >$HOME/mark"
        ).ok()
        self.assertTrue(done.out.endswith("gdexample:gdexample\nroot\n0\n"), done.out)
        mark = os.path.join(pwd.getpwnam(ALICE).pw_dir, "mark")
        self.addCleanup(os.unlink, mark)
        self.assertEqual(os.stat(mark).st_uid, pwd.getpwnam(ALICE).pw_uid)
        self.assertEqual(self.snapshot(), before)  # the image is as it was

    def test_a_package_installed_into_a_kept_container_is_there_for_the_next_job(self):
        install = "apt-get -q update && apt-get -q -y install gd-example"
        self.run_inside(install, "--container-name=tools:create").ok()
        see = "dpkg -s gd-example | grep ^Status; stat -c %U:%G /usr/share/gd-example/owned"
        done = self.run_inside(see, "--container-name=tools").ok()
        self.assertEqual(done.out, "Status: install ok installed\ngdexample:gdexample\n")

    def snapshot(self):
        names = {}
        for folder, _, files in os.walk(self.image):
            for name in files:
                path = os.path.join(folder, name)
                about = os.lstat(path)
                names[path] = (about.st_size, about.st_mtime_ns, about.st_uid, about.st_mode)
        return names

    def test_root_inside_is_nobody_where_others_files_are(self):
        secret = os.path.join(self.work, "secret")
        with open(secret, "w") as f:
            f.write("swordfish\n")
        os.chmod(secret, 0o600)
        shutil.copy(secret, self.image + "/opt/secret")
        os.chown(self.image + "/opt/secret", 4_000_000_000, 4_000_000_000)
        os.chmod(self.image + "/opt/secret", 0o600)
        self.addCleanup(os.unlink, self.image + "/opt/secret")
        tries = "cat /opt/secret; /usr/sbin/chroot / true; mknod /null c 1 3; echo end"
        done = self.run_inside(tries)
        self.assertEqual(done.out, "end\n")
        self.assertIn("cat: /opt/secret: Permission denied", done.err)
        self.assertIn("chroot: cannot change root directory", done.err)
        self.assertIn("mknod: /null: Operation not permitted", done.err)

    def test_a_partition_may_seal_all_mounts_but_the_job_directory(self):
        script = "touch $HOME/x $GD_JOB_DIR/x /x; ls $GD_JOB_DIR /x"
        done = self.run_inside(script, "-p", "sealed").ok()
        home = pwd.getpwnam(ALICE).pw_dir
        self.assertEqual(done.err, f"touch: cannot touch '{home}/x': Read-only file system\n")
        self.assertEqual(done.out.split()[0], "/x")
        self.assertIn("x", done.out.split()[1:])
        mark = os.path.join(home, "as-herself")
        self.c.run(ALICE, "gdrun", "-p", "sealed", "touch", mark).ok()
        os.unlink(mark)

    def test_a_partition_may_forbid_it(self):
        done = self.run_inside("true", "-p", "strict")
        self.assertEqual(done.status, 1)
        self.assertIn("partition strict lets no job be root inside", done.err)


if __name__ == "__main__":
    unittest.main()
