"""--container-save: a job's container as an image in a file, and what it is when it is run."""

import glob
import io
import os
import pwd
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from cluster import Cluster, USERS, wait_until
from test_images import CONFIG, busybox_layers, make_layout

ALICE = USERS[0]


class ContainerSave(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="gd-save-", dir="/var/tmp")
        os.chmod(cls.work, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        layout = os.path.join(cls.work, "layout")
        open_folder = [("scratch", 0o1777, None, 0), ("etc", 0o755, None, 0)]
        make_layout(layout, busybox_layers() + [open_folder], CONFIG)
        cls.image = "oci:" + layout
        cls.mine = os.path.join(cls.work, "mine")
        os.mkdir(cls.mine)
        shutil.chown(cls.mine, ALICE, ALICE)
        cls.c = Cluster(
            config="default_image = host\n",
            node_config=f"image_prefixes = {cls.work}\nsave_size = 40M\n",
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def submit(self, save, script, *options):
        argv = ("--image", self.image, "--container-save", save, *options)
        return self.c.submit(ALICE, *argv, script="#!/bin/sh\n" + script, cwd=self.mine)

    def facts(self, job):
        return [f for f in self.c.job(job)["receipt"]["facts"] if f.startswith("container ")]

    def inside(self, image, script, *options):
        argv = ("gdrun", "--image", image, *options, "/bin/busybox", "sh", "-c", script)
        return self.c.run(ALICE, *argv, cwd=self.mine).ok().out

    def assert_nothing_begun_is_left(self):
        self.assertEqual(glob.glob(self.mine + "/.*"), [])

    def test_what_root_inside_made_is_roots_in_the_image(self):
        script = (
            "set -e; echo tool >/opt/tool; chmod 700 /opt/tool; /bin/busybox chown 1234 /data/own\n"
            "/bin/busybox rm /opt/new; echo t >/tmp/not-kept; echo h >$HOME/not-kept\n"
        )
        names = {}
        for suffix in ("sqsh", "oci.tar"):
            job = self.submit("tools-%j." + suffix, script, "--root")
            self.c.wait_state(job, "COMPLETED")
            path = f"{self.mine}/tools-{job}.{suffix}"
            about = os.stat(path)
            self.assertEqual(about.st_uid, pwd.getpwnam(ALICE).pw_uid)
            size = about.st_size
            self.assertEqual(self.facts(job), [f"container saved as {path}, {size} bytes"])
            names[suffix] = path
        os.unlink(pwd.getpwnam(ALICE).pw_dir + "/not-kept")
        self.assert_nothing_begun_is_left()
        see = "cat /opt/tool; stat -c %u:%a /opt/tool; stat -c %u /data/own; ls /opt /tmp; env"
        for image in (names["sqsh"], "oci-archive:" + names["oci.tar"]):
            lines = self.inside(image, see, "--root").splitlines()
            self.assertEqual(lines[:3], ["tool", "0:700", "1234"])
            self.assertNotIn("new", lines)
            self.assertNotIn("not-kept", lines)
            self.assertIn("LAB=from-image", lines)
        node = {"GD_CONF": self.c.path("n1.conf")}
        done = self.c.run(ALICE, "gdimage", "import", names["oci.tar"], env=node).ok()
        self.assertEqual(done.out, f"image oci-archive:{names['oci.tar']} is here\n")

    def test_what_a_user_made_is_the_images_roots_and_what_gd_made_is_not_there(self):
        job = self.submit("plain.tar", "echo hers >/scratch/hers\n", "--container-name=kept")
        self.c.wait_state(job, "COMPLETED")
        with tarfile.open(self.mine + "/plain.tar") as whole:
            layer = whole.extractfile(whole.getmembers()[2]).read()
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            owners = {m.name: m.uid for m in tar.getmembers()}
        self.assertEqual(owners["scratch/hers"], 0)
        self.assertEqual(owners["data/own"], 1000)
        # Of the image, nothing was in /etc: passwd, group, hosts and resolv.conf are gd's.
        self.assertEqual([n for n in owners if n.startswith("etc/")], [])
        self.assertEqual([n for n in owners if n.startswith("run/")], [])
        copied = subprocess.run(
            ["skopeo", "inspect", "oci-archive:" + self.mine + "/plain.tar"],
            capture_output=True,
            text=True,
        )
        self.assertEqual(copied.returncode, 0, copied.stderr)

    def test_the_job_is_completing_while_it_is_saved_and_keeps_its_exit_code(self):
        large = "/bin/busybox head -c 25000000 /dev/urandom >/scratch/large; exit 3\n"
        job = self.submit("large.sqsh", large)
        seen = set()

        def ended():
            seen.add(self.c.state(job))
            return "FAILED" in seen

        wait_until("the job has ended", ended)
        self.assertIn("COMPLETING", seen)
        self.assertEqual(self.c.job(job)["exit_code"], "3:0")
        self.assertTrue(self.facts(job)[0].startswith("container saved as "), self.facts(job))
        done = self.c.run(
            ALICE, "gdrun", "--image", self.image, "--container-save=x.tar", "true", cwd=self.mine
        )
        self.assertNotEqual(done.status, 0)  # no such program: nothing ran, nothing is saved
        self.assertFalse(os.path.exists(self.mine + "/x.tar"))
        self.assert_nothing_begun_is_left()

    def test_a_failure_is_told_where_the_jobs_errors_are_and_in_its_record(self):
        with open(self.mine + "/full.tar", "w") as f:
            f.write("as it was\n")
        large = "/bin/busybox head -c 60000000 /dev/zero >/scratch/large\n"
        job = self.submit("full.tar", large, "-o", "out", "-e", "err")
        self.c.wait_state(job, "COMPLETED")
        said = f"container not saved as {self.mine}/full.tar: "
        said += "it would be larger than the 40 MiB allowed"
        self.assertEqual(self.facts(job), [said])
        self.assertEqual(self.c.read(self.mine + "/err"), f"gd: {said}\n")
        self.assertEqual(self.c.read(self.mine + "/full.tar"), "as it was\n")
        done = self.c.run(
            ALICE,
            *("gdrun", "--image", self.image, "--container-save=full.tar"),
            *("/bin/busybox", "sh", "-c", large),
            cwd=self.mine,
        )
        self.assertIn("larger than the 40 MiB", done.err)
        job = self.submit("cancelled.tar", "touch started; sleep 300\n")
        wait_until("it runs", lambda: os.path.exists(self.mine + "/started"))
        self.c.run(ALICE, "gdkill", str(job)).ok()
        self.c.wait_state(job, "CANCELLED")
        told = f"container not saved as {self.mine}/cancelled.tar: the step was ended"
        self.assertEqual(self.facts(job), [told])
        self.assert_nothing_begun_is_left()

    def test_what_cannot_be_saved_is_refused(self):
        tries = [
            (("--image", "host", "--container-save=a.tar"), "the host and directories are not"),
            (("--container-save=a.tar",), "the host and directories are not saved"),
            (("--image", self.work, "--container-save=a.tar"), "the host and directories are not"),
            (("--image", self.image, "--read-only", "--container-save=a.tar"), "read-only"),
            (("--image", self.image, "--container-save=a.zip"), "expected NAME.sqsh"),
            (("--image", self.image, "--container-save=/etc/a.tar"), "Permission denied"),
            (("--image", self.image, "--container-save=no/a.tar"), "No such file"),
        ]
        for options, said in tries:
            done = self.c.run(ALICE, "gdrun", *options, "/bin/busybox", "true", cwd=self.mine)
            self.assertNotEqual(done.status, 0, options)
            self.assertIn(said, done.err, options)
        done = self.c.run(ALICE, "gdalloc", "--image", self.image, "--container-save=a.tar", "true")
        self.assertIn("an allocation has no program", done.err)
        inside = "gdrun --container-save=b.tar true"
        done = self.c.run(ALICE, "gdalloc", "sh", "-c", inside, cwd=self.mine)
        self.assertIn("the host and directories are not saved", done.err)
        self.assert_nothing_begun_is_left()

    def test_a_step_with_a_container_of_its_own_saves_that(self):
        script = f"gdrun --image={self.image} --container-save=step-%s.sqsh /bin/busybox "
        script += "sh -c 'echo of a step >/scratch/mark; exit 5'; echo code $?"
        done = self.c.run(ALICE, "gdalloc", "sh", "-c", script, cwd=self.mine).ok()
        self.assertIn("code 5\n", done.out)
        seen = self.inside("./step-0.sqsh", "cat /scratch/mark")
        self.assertEqual(seen, "of a step\n")
        self.assert_nothing_begun_is_left()


if __name__ == "__main__":
    unittest.main()
