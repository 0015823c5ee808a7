"""--container-name: what a job writes over its image is there for its user's next job."""

import json
import os
import shutil
import tempfile
import unittest

from cluster import Cluster, USERS, wait_until

ALICE, BOB = USERS


class KeptContainers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="gd-kept-", dir="/var/tmp")
        os.chmod(cls.work, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        cls.image = os.path.join(cls.work, "small")
        for image in (cls.image, cls.image + "2"):
            cls.make_image(image)
        cls.c = Cluster(
            config="default_image = host\n",
            node_config=f"image_prefixes = {cls.work}\ncontainer_quota = 40M\n",
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    @classmethod
    def make_image(cls, folder):
        for part in ("bin", "srv", "usr/bin"):
            os.makedirs(os.path.join(folder, part))
        shutil.copy("/bin/busybox", folder + "/bin/busybox")
        for tool in ("sh", "cat", "head", "id", "rm", "sleep", "test", "touch", "true"):
            os.symlink("busybox", os.path.join(folder, "bin", tool))
        with open(folder + "/usr/bin/useless", "w") as f:
            f.write("of the image\n")

    def inside(self, name, script, *options, user=ALICE, image=None):
        where = () if image == "" else ("--image", image or self.image)
        argv = ("gdrun", *where, f"--container-name={name}", *options, "sh", "-ec", script)
        return self.c.run(user, *argv)

    def gdimage(self, user, *words):
        return self.c.run(user, "gdimage", *words, env={"GD_CONF": self.c.path("n1.conf")})

    def discard(self, name, user=ALICE):
        return self.gdimage(user, "discard", name)

    def containers(self, user=ALICE):
        out = self.gdimage(user, "containers", "--json").ok().out
        return {each["name"]: each for each in json.loads(out)["containers"]}

    def test_what_root_inside_changes_is_there_for_the_next_job(self):
        self.addCleanup(self.discard, "tools")
        script = "rm /usr/bin/useless; echo mine >/usr/bin/tool; id -u"
        self.assertEqual(self.inside("tools:create", script, "--root").ok().out, "0\n")
        see = "cat /usr/bin/tool; test -e /usr/bin/useless || echo gone"
        for image in (None, ""):  # the container knows its image
            out = self.inside("tools", see, "--root", image=image).ok().out
            self.assertEqual(out, "mine\ngone\n")
        self.assertFalse(os.path.exists(self.image + "/usr/bin/tool"))
        self.assertTrue(os.path.exists(self.image + "/usr/bin/useless"))
        self.assertEqual(self.containers()["tools"]["image"], self.image)
        self.assertEqual(self.containers(BOB), {})
        # Another user's of that name is another.
        self.addCleanup(self.discard, "tools", BOB)
        other = self.inside("tools", "test -e /usr/bin/tool || echo none", "--root", user=BOB)
        self.assertEqual(other.ok().out, "none\n")

    def test_what_does_not_fit_is_refused_with_a_line(self):
        self.addCleanup(self.discard, "mine")
        self.inside("mine", "touch /tmp/x").ok()
        for done, said in [
            (self.inside("mine:create", "true"), "container mine is there already"),
            (self.inside("mine", "true", "--root"), "was made without --root"),
            (self.inside("mine", "true", image=self.image + "2"), "container mine is over image"),
            (
                self.inside("new", "true", image=""),
                "container new is not on this node: give the --image",
            ),
            (self.inside("new", "true", image="host"), "host is no image to keep changes of"),
            (self.inside("new", "true", "--read-only"), "nothing is written to a read-only one"),
        ]:
            self.assertNotEqual(done.status, 0)
            self.assertIn(said, done.err)
        for wrong in ("a/b", "mine:exec", "mine:x", ".."):
            self.assertEqual(self.inside(wrong, "true").status, 2, wrong)
        self.assertEqual(self.discard("new").status, 1)
        self.assertEqual(self.discard(f"{ALICE}/mine", BOB).status, 1)

    def test_one_job_at_a_time_has_it_and_its_steps_are_in_it(self):
        self.addCleanup(self.discard, "busy")
        argv = ("--root", "--image", self.image, "--container-name=busy", "--wrap", "sleep 300")
        job = self.c.submit(ALICE, "-o", "/dev/null", *argv)
        self.addCleanup(lambda: self.c.run(ALICE, "gdkill", str(job)))
        self.c.wait_state(job, "RUNNING")
        step = ("gdrun", f"--jobid={job}", "--overlap", "sh", "-c", "echo from a step >/srv/mark")
        self.c.run(ALICE, *step).ok()
        done = self.inside("busy", "true", "--root")
        self.assertIn(f"container busy is in use by job {job}", done.err)
        self.assertIn("in use by job", self.discard("busy").err)
        self.assertTrue(self.containers()["busy"]["in_use"])
        self.c.run(ALICE, "gdkill", str(job)).ok()
        self.c.wait_state(job, "CANCELLED")
        seen = lambda: self.inside("busy", "cat /srv/mark", "--root").out == "from a step\n"
        wait_until("the next has it", seen)

    def test_the_quota_counts_when_a_job_begins(self):
        self.addCleanup(self.discard, "large")
        self.inside("large", "head -c 50000000 /dev/zero >/root-file", "--root").ok()
        self.assertGreater(self.containers()["large"]["bytes"], 49_000_000)
        done = self.inside("other", "true")
        self.assertIn("MiB of 40 MiB: 'gdimage discard NAME' removes one", done.err)
        self.discard("large").ok()
        self.addCleanup(self.discard, "other")
        self.inside("other", "true").ok()


if __name__ == "__main__":
    unittest.main()
