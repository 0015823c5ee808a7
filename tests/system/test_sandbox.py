"""What a job would get, what it got, and the same again: --explain-sandbox and --replay."""

import json
import os
import pwd
import shutil
import tempfile
import unittest

from cluster import Cluster, USERS
from test_images import CONFIG, Registry, busybox_layers, make_layout

ALICE, BOB = USERS


class Sandbox(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.registry = Registry().__enter__()
        cls.addClassCleanup(cls.registry.__exit__, None, None, None)
        cls.work = tempfile.mkdtemp(prefix="gd-sandbox-", dir="/srv")
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        os.chmod(cls.work, 0o755)
        cls.old = os.path.join(cls.work, "old")
        cls.new = os.path.join(cls.work, "new")
        make_layout(cls.old, busybox_layers(), CONFIG)
        changed = busybox_layers() + [[("opt/new", 0o644, b"newer\n", 0)]]
        make_layout(cls.new, changed, CONFIG)
        cls.registry.push(cls.old, "lab/tools:1")
        cls.image = f"{cls.registry.host}/lab/tools:1"
        cls.c = Cluster(
            nodes=2,
            config="min_job_age = 1s\nreplay_age = 1h\n",
            node_config=f"image_plain_http = {cls.registry.host}\nimage_deny = *secret*\n"
            f"mount_prefixes = /srv, /home\n",
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def explain(self, *options, command="gdsub", user=ALICE, rest=("--wrap", "true")):
        return self.c.run(user, command, "--explain-sandbox", *options, *rest)

    def output(self, user, job):
        name = os.path.join(pwd.getpwnam(user).pw_dir, f"sandbox.{job}")
        text = self.c.read(name)
        os.unlink(name)
        return text

    def show(self, job, user=ALICE):
        done = self.c.run(user, "gdctl", "show", "job", str(job), "--json").ok()
        return json.loads(done.out)["jobs"][0]

    def test_it_says_what_would_be_there_and_why(self):
        out = self.explain("-w", "n2", "--mem=50M", "--mounts", f"{self.work}:/in:ro").ok().out
        uid = pwd.getpwnam(ALICE).pw_uid
        home = pwd.getpwnam(ALICE).pw_dir
        for line in (
            "on node n2, to start at ",
            "node n2, partition batch, engine ",
            "image host: the system of this node",
            "namespaces: user mount pid ipc uts cgroup\n",
            f"uid {uid} is {uid} outside, 1 ids",
            f"bind {home} from descriptor rw (the home, opened with the user's own rights)",
            f"bind /in from descriptor ro ({self.work}, asked for: below a folder of mount_pre",
            "mask /proc/kcore (hidden: it tells of the node or of others)",
            "capabilities kept: none",
            "limit memory 50 MiB",
            "limit processes ",
            "control group /sys/fs/cgroup",
            "seccomp: ",
        ):
            self.assertIn(line, out)
        self.assertEqual(self.c.jobs(), [])

    def test_root_network_and_seal_show(self):
        out = self.explain("--root", "--network=none", "--read-only").ok().out
        self.assertIn("cgroup network\n", out)
        self.assertIn(", root inside", out)
        self.assertIn("below a sealed layer", out)
        self.assertIn("capabilities kept: cap_chown", out)

    def test_what_would_be_refused_is_all_named(self):
        done = self.explain("--mounts", "/etc:/x,/srv/nothing:/y,tmpfs:/z")
        self.assertEqual(done.status, 1)
        self.assertIn("refused: mount /etc:/x: /etc is not below the folders", done.out)
        self.assertIn("refused: mount /srv/nothing:/y: ", done.out)
        self.assertIn("tmpfs /z ", done.out)
        secret = f"{self.registry.host}/lab/secret:1"
        done = self.explain("--image", secret)
        self.assertEqual(done.status, 1)
        self.assertIn("image_deny", done.out)

    def test_an_image_that_is_not_there_is_not_fetched_for_it(self):
        image = f"{self.registry.host}/lab/absent:1"
        out = self.explain("--image", image).ok().out
        self.assertIn(f"image {image}: not on this node yet, fetched when the job starts", out)
        self.assertEqual(self.registry.asked("/v2/lab/absent"), 0)

    def test_gdrun_and_gdsh_explain_too(self):
        out = self.explain(command="gdrun", rest=("ls", "-l")).ok().out
        self.assertIn("command ls -l", out)
        shell = pwd.getpwnam(ALICE).pw_shell
        self.assertIn(f"command {shell}", self.explain(command="gdsh", rest=()).ok().out)

    def test_the_receipt_stays_and_the_job_runs_again_in_the_same_image(self):
        script = "#!/bin/sh\ncat /opt/new\necho $MARK $1\n"
        options = ("-o", "sandbox.%j", "--image", self.image, "--export", "ALL,MARK=mine")
        path = os.path.join(pwd.getpwnam(ALICE).pw_dir, "sandbox.sh")
        with open(path, "w") as f:
            f.write(script)
        self.addCleanup(os.unlink, path)
        job = self.c.submit(ALICE, *options, path, "word")
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")
        self.assertEqual(self.output(ALICE, job), "new\nmine word\n")
        receipt = self.show(job)["receipt"]
        self.assertEqual(receipt["image"], self.image)
        self.assertTrue(receipt["digest"].startswith("sha256:"))
        self.assertTrue(any(f.startswith("limits: cpus 1") for f in receipt["facts"]))
        text = self.c.run(ALICE, "gdctl", "show", "job", str(job)).ok().out
        self.assertIn("ImageDigest=" + receipt["digest"], text)
        self.assertIn("Received:\n      node n", text)

        # The tag moves; the replayed job does not, on a node that has to fetch it as well.
        self.registry.push(self.new, "lab/tools:1")
        nodes = {f.split(",")[0].split()[1] for f in receipt["facts"] if f.startswith("node ")}
        other = "n2" if "n1" in nodes else "n1"
        self.c.admin("gdctl", "drain", nodes.pop(), "for the test").ok()
        again = self.c.run(ALICE, "gdsub", "--parsable", "--replay", str(job)).ok()
        self.assertEqual(again.err, "")
        second = int(again.out)
        self.assertEqual(self.c.wait_end(second)["state"], "COMPLETED")
        self.assertEqual(self.output(ALICE, second), "new\nmine word\n")
        self.assertEqual(self.show(second)["receipt"]["digest"], receipt["digest"])
        self.assertIn("node " + other, self.show(second)["receipt"]["facts"][0])
        self.c.admin("gdctl", "resume", "n1,n2")

    def test_a_digest_that_cannot_be_had_is_told(self):
        job = self.c.submit(
            ALICE, "-o", "/dev/null", "--image", "oci:" + self.old, script="#!/bin/sh\n"
        )
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")
        kept = self.old + ".kept"
        os.rename(self.old, kept)
        shutil.copytree(self.new, self.old)
        try:
            for node in ("n1", "n2"):
                conf = {"GD_CONF": self.c.path(node + ".conf")}
                self.c.run(ALICE, "gdimage", "remove", "oci:" + self.old, env=conf)
            second = int(self.c.run(ALICE, "gdsub", "--parsable", "--replay", str(job)).ok().out)
            record = self.c.wait_end(second)
            self.assertEqual(record["state"], "FAILED")
            self.assertIn("the job is held to sha256:", record["reason_text"])
        finally:
            shutil.rmtree(self.old)
            os.rename(kept, self.old)

    def test_who_may_replay_and_what(self):
        job = self.c.submit(ALICE, "-o", "/dev/null", "--begin=now", script="#!/bin/sh\n")
        self.c.wait_end(job)
        done = self.c.run(BOB, "gdsub", "--replay", str(job))
        self.assertEqual(done.status, 1)
        self.assertIn("read the scripts of", done.err)
        done = self.c.run(ALICE, "gdsub", "--parsable", "--replay", str(job)).ok()
        self.assertIn("not replayed: --begin", done.err)
        self.assertIn("image host has no digest", done.err)
        self.c.wait_end(int(done.out))
        self.assertEqual(self.c.run(ALICE, "gdsub", "--replay", "999999").status, 1)
        done = self.c.run(ALICE, "gdsub", "--replay", str(job), "-p", "batch")
        self.assertEqual(done.status, 2)
        self.assertIn("--partition does not go with --replay", done.err)


if __name__ == "__main__":
    unittest.main()
