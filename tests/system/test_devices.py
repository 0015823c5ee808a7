"""Devices by their descriptions (CDI): counted as GRES, asked for by name, and no others."""

import glob
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

from cluster import Cluster, USERS

ALICE, BOB = USERS
FUSE = (10, 229)  # of a kind that no container has unasked, and that anybody may open


class Devices(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="gd-devices-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        os.chmod(cls.dir, 0o755)
        for i in range(2):
            node = os.path.join(cls.dir, f"thing{i}")
            subprocess.run(["mknod", "-m", "600", node, "c", *map(str, FUSE)], check=True)
        os.mkdir(os.path.join(cls.dir, "cdi"))
        os.mkdir(os.path.join(cls.dir, "library"))
        with open(os.path.join(cls.dir, "library/driver"), "w") as f:
            f.write("driver\n")
        thing = lambda i: {
            "name": str(i),
            "containerEdits": {
                "deviceNodes": [{"path": f"/dev/things/{i}", "hostPath": f"{cls.dir}/thing{i}"}],
                "env": [f"THING_{i}=yes"],
            },
        }
        cls.describe(
            "things",
            {
                "kind": "gd.test/thing",
                "devices": [thing(0), thing(1)],
                "containerEdits": {
                    "mounts": [
                        {
                            "hostPath": cls.dir + "/library",
                            "containerPath": "/opt/things",
                            "options": ["ro"],
                        }
                    ]
                },
            },
        )
        cls.describe(
            "shared",
            {
                "kind": "gd.test/shared",
                "devices": [
                    {
                        "name": "one",
                        "containerEdits": {
                            "deviceNodes": [
                                {"path": "/dev/shared", "major": FUSE[0], "minor": FUSE[1]}
                            ]
                        },
                    }
                ],
            },
        )
        cls.c = Cluster(
            node_config=f"cdi_dirs = {cls.dir}/cdi\ngres_devices = thing=gd.test/thing\n"
            "device_allow = gd.test/shared=*\n"
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    @classmethod
    def describe(cls, name, spec):
        with open(os.path.join(cls.dir, f"cdi/{name}.json"), "w") as f:
            json.dump({"cdiVersion": "0.5.0", **spec}, f)

    def job(self, script, *options, user=ALICE, state="COMPLETED"):
        out = os.path.join(pwd.getpwnam(user).pw_dir, f"devices.{os.getpid()}")
        job = self.c.submit(user, "-o", out, *options, script="#!/bin/bash\n" + script)
        record = self.c.wait_end(job)
        text = ""
        if os.path.exists(out):
            text = self.c.read(out)
            os.unlink(out)
        self.assertEqual(record["state"], state, text + str(record.get("reason_text")))
        return text, record

    OPEN = "exec 3<>{} && echo opened || echo refused\n"

    def test_the_node_has_as_many_as_are_described(self):
        shown = self.c.admin("gdctl", "show", "node", "n1").ok().out
        self.assertIn("Gres=thing:2", shown)

    def test_a_gres_brings_its_device_and_what_goes_with_it(self):
        text, record = self.job(
            "ls /dev/things; "
            + self.OPEN.format("/dev/things/*")
            + "env | grep ^THING; cat /opt/things/driver; stat -c '%U %a' /dev/things/*\n"
            "echo x > /opt/things/x || echo sealed\n",
            "--gres=thing:1",
        )
        number = text.split("\n")[0]
        self.assertIn(number, ("0", "1"))
        self.assertIn(f"opened\nTHING_{number}=yes\ndriver\n{ALICE} 600\n", text)
        self.assertIn("sealed", text)
        self.assertTrue(
            any(f.startswith("device /dev/things/") for f in record["receipt"]["facts"])
        )

    def test_without_it_there_is_no_way_to_the_device(self):
        text, _ = self.job("ls /dev/things || echo none\n")
        self.assertIn("none", text)
        # A node of the same device that the user can see and could open outside: mounts are nodev.
        node = os.path.join(pwd.getpwnam(ALICE).pw_dir, "node")
        subprocess.run(["mknod", "-m", "666", node, "c", *map(str, FUSE)], check=True)
        self.addCleanup(os.unlink, node)
        text, _ = self.job(self.OPEN.format(node))
        self.assertIn("refused", text)

    def open_in_group_of(self, job):
        """Root, in the job's own control group: nothing but the group's rule is in the way."""
        name = f"gdt-{self.c.tag}-n1/job_{job}.*"
        groups = glob.glob(f"/sys/fs/cgroup/devices/{name}")  # v1: the job's, which limits
        groups += glob.glob(f"/sys/fs/cgroup/{name}/batch")  # v2: a leaf of it
        self.assertTrue(groups, "the job's control group")
        script = 'echo $$ > "$1/cgroup.procs" && { exec 3<>"$2"; } 2>&1 && echo opened'
        done = subprocess.run(
            ["sh", "-c", script, "sh", groups[0], self.dir + "/thing0"],
            capture_output=True,
            text=True,
        )
        return done.stdout

    def test_the_control_group_opens_what_was_granted_and_nothing_else(self):
        for options, words in ((("--gres=thing:1",), "opened"), ((), "Operation not permitted")):
            job = self.c.submit(ALICE, "-o", "/dev/null", *options, script="#!/bin/sh\nsleep 60\n")
            self.c.wait_state(job, "RUNNING")
            self.assertIn(words, self.open_in_group_of(job))
            self.c.run(ALICE, "gdkill", str(job)).ok()
            self.c.wait_end(job)

    def test_two_jobs_at_once_have_different_ones_and_a_third_waits(self):
        script = "#!/bin/sh\nls /dev/things > $1; sleep 60\n"
        home = pwd.getpwnam(ALICE).pw_dir
        path = os.path.join(home, "devices.sh")
        with open(path, "w") as f:
            f.write(script)
        self.addCleanup(os.unlink, path)
        outs = [os.path.join(home, f"thing.{i}") for i in range(2)]
        jobs = []
        for out in outs:
            jobs.append(
                self.c.submit(ALICE, "-o", "/dev/null", "--mem=10M", "--gres=thing:1", path, out)
            )
        for job in jobs:
            self.c.wait_state(job, "RUNNING")
        third = self.c.submit(
            BOB, "-o", "/dev/null", "--mem=10M", "--gres=thing:1", script="#!/bin/sh\n"
        )
        from cluster import wait_until

        for out in outs:
            wait_until("a job has looked", lambda: os.path.exists(out) and self.c.read(out))
        self.assertEqual(sorted(self.c.read(out).strip() for out in outs), ["0", "1"])
        self.assertEqual(self.c.state(third), "PENDING")
        inside = self.c.run(ALICE, "gdrun", "--jobid", str(jobs[0]), "sh", "-c", "env").ok().out
        self.assertIn("THING_" + self.c.read(outs[0]).strip() + "=yes", inside)
        self.c.run(ALICE, "gdkill", *map(str, jobs)).ok()
        self.assertEqual(self.c.wait_end(third)["state"], "COMPLETED")
        for job, out in zip(jobs, outs):
            self.c.wait_end(job)
            os.unlink(out)

    def test_by_name_where_it_is_allowed(self):
        text, _ = self.job(self.OPEN.format("/dev/shared"), "--device=gd.test/shared=one")
        self.assertEqual(text, "opened\n")
        _, record = self.job("true\n", "--device=gd.test/thing=0", state="FAILED")
        self.assertIn("device_allow", record["reason_text"])
        _, record = self.job("true\n", "--device=gd.test/shared=two", state="FAILED")
        self.assertIn("is not described in", record["reason_text"])
        refused = self.c.run(ALICE, "gdsub", "--device=nonsense", "--wrap", "true")
        self.assertEqual(refused.status, 1)
        self.assertIn("is not VENDOR/CLASS=NAME", refused.err)

    def test_it_is_explained(self):
        out = (
            self.c.run(ALICE, "gdsub", "--explain-sandbox", "--gres=thing:2", "--wrap", "true")
            .ok()
            .out
        )
        self.assertIn(f"device /dev/things/0 {FUSE[0]}:{FUSE[1]} ({self.dir}/thing0 of this", out)
        self.assertIn(f"device c {FUSE[0]}:{FUSE[1]} rwm", out)


if __name__ == "__main__":
    unittest.main()
