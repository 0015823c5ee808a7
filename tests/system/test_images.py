"""Images from a registry on this machine, and from files: fetched once, shared, checked.

Debian's docker-registry listens on loopback; its log says who asked for what.
"""

import contextlib
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from cluster import BUILD, Cluster, Daemon, USERS, free_port, wait_until

ALICE, BOB = USERS


class Registry:
    """docker-registry in a folder of its own; .log is what it was asked."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="gd-registry-", dir="/var/tmp")
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.log = os.path.join(self.dir, "log")
        conf = os.path.join(self.dir, "config.yml")
        with open(conf, "w") as f:
            f.write(
                "version: 0.1\nlog:\n  accesslog:\n    disabled: false\n"
                f"storage:\n  filesystem:\n    rootdirectory: {self.dir}/data\n"
                f"http:\n  addr: {self.host}\n"
            )
        self.daemon = Daemon("registry", ["docker-registry", "serve", conf], self.log)

    def __enter__(self):
        self.daemon.start()
        wait_until("the registry answers", self.answers)
        return self

    def answers(self):
        return (
            subprocess.run(
                ["skopeo", "list-tags", "--tls-verify=false", f"docker://{self.host}/none"],
                capture_output=True,
                text=True,
                check=False,
            ).stderr.find("connection refused")
            < 0
        )

    def __exit__(self, *_):
        self.daemon.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def push(self, layout, name):
        subprocess.run(
            ["skopeo", "copy", "--quiet", "--dest-tls-verify=false"]
            + [f"oci:{layout}", f"docker://{self.host}/{name}"],
            check=True,
        )

    def asked(self, what):
        with open(self.log) as f:
            return sum(1 for line in f if what in line and '"GET ' in line)


class SlowWay:
    """A way to the registry that lets so much of each answer through, and the rest once told."""

    def __init__(self, port, most):
        self.port, self.most = port, most
        self.released = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                client = self.listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.port))
                for one, other, most in ((client, server, None), (server, client, self.most)):
                    threading.Thread(target=self.pass_on, args=(one, other, most)).start()

    def pass_on(self, one, other, most):
        passed = 0
        with contextlib.suppress(OSError), one, other:
            while data := one.recv(65536):
                if most is not None and passed + len(data) > most:
                    self.released.wait()
                other.sendall(data)
                passed += len(data)

    def close(self):
        self.released.set()
        self.listener.close()


def write_blob(layout, data):
    import hashlib

    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(layout, "blobs/sha256", digest), "wb") as f:
        f.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def make_layout(folder, layers, config):
    """An OCI layout of tar layers: each a list of (path, mode, content or None, owner)."""
    import hashlib
    import io
    import tarfile

    os.makedirs(os.path.join(folder, "blobs/sha256"))
    blobs, plain = [], []
    for layer in layers:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for path, mode, content, owner in layer:
                info = tarfile.TarInfo(path)
                info.mode, info.uid, info.gid = mode, owner, owner
                if content is None:
                    info.type = tarfile.DIRTYPE
                    tar.addfile(info)
                elif isinstance(content, str):
                    info.type, info.linkname = tarfile.SYMTYPE, content
                    tar.addfile(info)
                else:
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        plain.append("sha256:" + hashlib.sha256(out.getvalue()).hexdigest())
        blob = write_blob(folder, out.getvalue())
        blobs.append({"mediaType": "application/vnd.oci.image.layer.v1.tar", **blob})
    whole = {"architecture": "amd64", "os": "linux", "config": config}
    whole["rootfs"] = {"type": "layers", "diff_ids": plain}
    blob = write_blob(folder, json.dumps(whole).encode())
    manifest = {"schemaVersion": 2, "layers": blobs}
    manifest["mediaType"] = "application/vnd.oci.image.manifest.v1+json"
    manifest["config"] = {"mediaType": "application/vnd.oci.image.config.v1+json", **blob}
    entry = write_blob(folder, json.dumps(manifest).encode())
    entry["mediaType"] = manifest["mediaType"]
    with open(os.path.join(folder, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [entry]}, f)
    with open(os.path.join(folder, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    return entry["digest"]


def busybox_layers():
    with open("/bin/busybox", "rb") as f:
        busybox = f.read()
    tools = ["sh", "cat", "echo", "id", "ls", "env", "pwd", "touch", "stat", "sleep", "hostname"]
    base = [("bin", 0o755, None, 0), ("bin/busybox", 0o755, busybox, 0)]
    base += [("bin/" + tool, 0o777, "busybox", 0) for tool in tools]
    middle = [("opt", 0o755, None, 0), ("opt/old", 0o644, b"old\n", 0)]
    middle += [("data", 0o755, None, 1000), ("data/own", 0o644, b"of 1000\n", 1000)]
    top = [("opt/.wh.old", 0o644, b"", 0), ("opt/new", 0o644, b"new\n", 0)]
    return [base, middle, top]


CONFIG = {
    "Env": ["PATH=/opt/bin:/bin", "LAB=from-image", "BOTH=image"],
    "WorkingDir": "/opt",
    "Entrypoint": ["/bin/echo", "entry:"],
}


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.registry = Registry().__enter__()
        cls.addClassCleanup(cls.registry.__exit__, None, None, None)
        cls.work = tempfile.mkdtemp(prefix="gd-images-", dir="/var/tmp")
        os.chmod(cls.work, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        cls.layout = os.path.join(cls.work, "layout")
        cls.digest = make_layout(cls.layout, busybox_layers(), CONFIG)
        for name in ("lab/tools:1", "lab/shared:1", "lab/again:1", "lab/slow:1", "lab/next:1"):
            cls.registry.push(cls.layout, name)
        with open(os.path.join(BUILD, "tests/container/container_helper"), "rb") as f:
            program = f.read()
        scratch = os.path.join(cls.work, "scratch")
        make_layout(scratch, [[("program", 0o755, program, 0)]], {})
        cls.registry.push(scratch, "lab/scratch:1")
        cls.slow = SlowWay(cls.registry.port, 8 << 20)
        cls.addClassCleanup(cls.slow.close)
        cls.c = Cluster(
            nodes=2,
            node_config=f"image_plain_http = {cls.registry.host}, {cls.slow.host}\n"
            "image_deny = *secret*\n",
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def image(self, name):
        return f"{self.registry.host}/{name}"

    def run_job(self, script, *options, user=ALICE, state="COMPLETED", image="lab/tools:1"):
        job = self.c.submit(
            user, "-o", "image.%j", "--image", self.image(image), *options, script=script
        )
        record = self.c.wait_end(job)
        name = os.path.join(pwd.getpwnam(user).pw_dir, f"image.{job}")
        text = ""
        with contextlib.suppress(FileNotFoundError):
            text = self.c.read(name)
            os.unlink(name)
        self.assertEqual(record["state"], state, text + str(record.get("reason_text")))
        return text

    def gdimage(self, node, *words, user="root"):
        env = {"GD_CONF": self.c.path(node + ".conf")}
        return self.c.run(user, "gdimage", *words, env=env)

    def test_a_job_runs_in_an_image_with_its_environment_and_its_own_tree(self):
        text = self.run_job("#!/bin/sh\necho $LAB $PATH\nls /opt\ncat /data/own\nid -u\npwd\n")
        uid = pwd.getpwnam(ALICE).pw_uid
        home = pwd.getpwnam(ALICE).pw_dir
        first = "from-image /opt/bin:/bin:/run/gd/client\n"
        self.assertEqual(text, first + f"new\nof 1000\n{uid}\n{home}\n")

    def test_the_submitters_variables_win_only_where_asked(self):
        script = "#!/bin/sh\necho $BOTH\n"
        exported = ("--export", "ALL,BOTH=mine")
        self.assertEqual(self.run_job(script, *exported), "image\n")
        self.assertEqual(self.run_job(script, *exported, "--container-env=BOTH"), "mine\n")

    def test_workdir_entrypoint_and_home(self):
        self.assertEqual(self.run_job("#!/bin/sh\npwd\n", "--container-workdir=/data"), "/data\n")
        done = self.c.run(
            ALICE,
            "gdrun",
            "--container-entrypoint",
            "--image",
            self.image("lab/tools:1"),
            "hello",
        ).ok()
        self.assertEqual(done.out, "entry: hello\n")
        done = self.c.run(
            ALICE,
            "gdrun",
            "--no-container-mount-home",
            "--image",
            self.image("lab/tools:1"),
            "sh",
            "-c",
            "ls -A $HOME; touch $HOME/mark && echo wrote",
        ).ok()
        self.assertEqual(done.out, "wrote\n")
        self.assertFalse(os.path.exists(os.path.join(pwd.getpwnam(ALICE).pw_dir, "mark")))

    def test_a_scratch_image_with_one_static_program(self):
        done = self.c.run(
            ALICE, "gdrun", "--image", self.image("lab/scratch:1"), "/program", "write", "/tmp/x"
        ).ok()
        self.assertIn("worked", done.out)

    def test_forty_jobs_of_two_users_on_two_nodes_are_one_pull_a_node(self):
        jobs = []
        script = "#!/bin/sh\ncat /opt/new\nsleep 0.1\n"
        for i in range(40):
            user = USERS[i % 2]
            jobs.append(
                self.c.submit(
                    user,
                    "-o",
                    "/dev/null",
                    "-w",
                    f"n{i // 2 % 2 + 1}",
                    "--mem=50M",
                    "--image",
                    self.image("lab/shared:1"),
                    script=script,
                )
            )
        for job in jobs:
            self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")
        self.assertEqual(self.registry.asked("/v2/lab/shared/manifests/1"), 2)
        for layer in self.layers():
            self.assertLessEqual(self.registry.asked("/v2/lab/shared/blobs/" + layer), 2)

    def layers(self):
        name = os.path.join(self.layout, "blobs/sha256", self.digest.split(":")[1])
        with open(name) as f:
            return [layer["digest"] for layer in json.load(f)["layers"]]

    def test_while_it_is_fetched_the_job_says_so(self):
        # The registry is stopped as a process: it accepts, and does not answer.
        self.registry.daemon.process.send_signal(signal.SIGSTOP)
        try:
            job = self.c.submit(
                ALICE, "-o", "/dev/null", "--image", self.image("lab/slow:1"), script="#!/bin/sh\n"
            )

            def seen():
                out = self.c.run(ALICE, "gdstat", "-h", "-o", "%T %r", "-j", str(job)).out
                return out.strip() == "CONFIGURING ImagePull"

            wait_until("the job waits for its image", seen)
        finally:
            self.registry.daemon.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")

    def test_a_slow_fetch_says_how_far_it_is(self):
        large = os.path.join(self.work, "large")
        data = os.urandom(32 << 20)
        make_layout(large, [busybox_layers()[0] + [("data", 0o644, data, 0)]], {})
        self.registry.push(large, "lab/large:1")
        image = f"{self.slow.host}/lab/large:1"
        job = self.c.submit(ALICE, "-o", "/dev/null", "--image", image, script="#!/bin/sh\n")
        told = lambda: self.c.job(job).get("reason_text") or ""
        wait_until("the job tells the part", lambda: "% of 33 MiB" in told())
        part = int(told().removeprefix(f"image {image}: ").removesuffix("% of 33 MiB"))
        self.assertTrue(0 < part <= 25, told())
        self.slow.released.set()
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")

    def test_the_image_of_the_next_in_line_comes_before_its_turn(self):
        image = self.image("lab/next:1")
        busy = self.c.submit(
            ALICE, "-o", "/dev/null", "-w", "n1", "--exclusive", "-t", "5", "--wrap", "sleep 300"
        )
        self.c.wait_state(busy, "RUNNING")
        following = self.c.submit(
            BOB, "-o", "/dev/null", "-w", "n1", "-t", "1", "--image", image, script="#!/bin/sh\n"
        )

        def there():
            listed = json.loads(self.gdimage("n1", "list", "--json").out)["images"]
            return image in [each["name"] for each in listed]

        wait_until("its image is there", there)
        self.assertEqual(self.c.job(following)["state"], "PENDING")
        asked = self.registry.asked("/v2/lab/next/manifests/1")
        self.c.run(ALICE, "gdkill", str(busy)).ok()
        self.assertEqual(self.c.wait_end(following)["state"], "COMPLETED")
        self.assertEqual(self.registry.asked("/v2/lab/next/manifests/1"), asked)

    def test_a_fetch_ends_with_its_cancelled_job(self):
        self.registry.daemon.process.send_signal(signal.SIGSTOP)
        try:
            job = self.c.submit(
                ALICE, "-o", "/dev/null", "--image", self.image("lab/gone:1"), script="#!/bin/sh\n"
            )
            wait_until(
                "it is fetched",
                lambda: "ImagePull"
                in self.c.run(ALICE, "gdstat", "-h", "-o", "%r", "-j", str(job)).out,
            )
            self.c.run(ALICE, "gdkill", str(job)).ok()
            self.assertEqual(self.c.wait_end(job)["state"], "CANCELLED")
        finally:
            self.registry.daemon.process.send_signal(signal.SIGCONT)

    def test_what_cannot_be_had_is_told_in_one_line(self):
        for image, words in (
            (self.image("lab/nothing:1"), "not found"),
            (self.image("lab/secret:1"), "image_deny"),
            ("oci-archive:/etc/shadow", "Permission denied"),
            ("oci:/nowhere", "No such file"),
        ):
            job = self.c.submit(ALICE, "-o", "/dev/null", "--image", image, script="#!/bin/sh\n")
            record = self.c.wait_end(job, timeout=20)
            self.assertEqual(record["state"], "FAILED", image)
            self.assertIn(words, record["reason_text"], image)
            self.assertNotIn("\n", record["reason_text"])

    def test_a_users_own_layout_is_hers(self):
        home = pwd.getpwnam(ALICE).pw_dir
        mine = os.path.join(home, "layout")
        shutil.copytree(self.layout, mine)
        self.addCleanup(shutil.rmtree, mine)
        subprocess.run(["chown", "-R", ALICE, mine], check=True)
        os.chmod(mine, 0o700)
        out = self.c.run(
            ALICE, "gdrun", "-w", "n1", "--image", "oci:" + mine, "cat", "/opt/new"
        ).ok()
        self.assertEqual(out.out, "new\n")
        listed = json.loads(self.gdimage("n1", "list", "--json", user=ALICE).out)["images"]
        self.assertIn("oci:" + mine, [image["name"] for image in listed])
        listed = json.loads(self.gdimage("n1", "list", "--json", user=BOB).out)["images"]
        self.assertNotIn("oci:" + mine, [image["name"] for image in listed])
        self.assertEqual(self.gdimage("n1", "remove", "oci:" + mine, user=BOB).status, 1)
        self.assertEqual(self.gdimage("n1", "remove", "oci:" + mine, user=ALICE).status, 0)

    def test_gdimage_fetches_lists_and_prunes(self):
        done = self.gdimage("n2", "pull", self.image("lab/tools:1"), user=BOB)
        self.assertEqual(done.status, 0, done.err)
        self.assertIn("lab/tools:1", self.gdimage("n2", "list", user=BOB).out)
        show = self.gdimage("n2", "show", self.image("lab/tools:1"), user=BOB).out
        self.assertIn("digest     sha256:", show)
        refused = self.gdimage("n2", "prune", "0", user=BOB)
        self.assertEqual(refused.status, 1)
        self.assertIn("only root", refused.err)
        self.assertEqual(self.gdimage("n2", "nonsense").status, 2)
        held = self.c.submit(
            ALICE,
            "-o",
            "/dev/null",
            "-w",
            "n2",
            "--image",
            self.image("lab/tools:1"),
            script="#!/bin/sh\nsleep 60\n",
        )
        self.c.wait_state(held, "RUNNING")
        self.assertEqual(self.gdimage("n2", "prune", "0").status, 0)
        self.assertIn("lab/tools:1", self.gdimage("n2", "list").out)  # in use: it stays
        self.c.run(ALICE, "gdkill", str(held)).ok()
        self.c.wait_end(held)
        self.assertEqual(self.gdimage("n2", "prune", "0").status, 0)
        self.assertNotIn("lab/tools:1", self.gdimage("n2", "list").out)

    def test_pulls_killed_at_any_moment_leave_nothing_half_usable(self):
        dice = random.Random(int(os.environ.get("GD_SEED", "1")))
        image = self.image("lab/again:1")
        for _ in range(30):
            self.gdimage("n1", "remove", image)
            job = self.c.submit(
                ALICE,
                "-o",
                "/dev/null",
                "-w",
                "n1",
                "--image",
                image,
                "--no-requeue",
                script="#!/bin/sh\ncat /opt/new\n",
            )
            time.sleep(dice.uniform(0, 0.4))  # the moment is the input here, not a wait
            for pid in self.fetchers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.c.run(ALICE, "gdkill", str(job))
            self.c.wait_end(job)
        verified = self.gdimage("n1", "verify")
        self.assertEqual(verified.status, 0, verified.out + verified.err)
        self.assertEqual(
            self.run_job("#!/bin/sh\ncat /opt/new\n", "-w", "n1", image="lab/again:1"), "new\n"
        )
        # One killed between its image's name and its own tidying is swept by the next fetch or
        # pruning, and the last job may have fetched nothing.
        self.assertEqual(self.gdimage("n1", "prune", "100G").status, 0)
        wait_until("no stage is left", lambda: not self.stages("n1"))

    def stages(self, node):
        return [s for s in os.listdir(self.c.path(f"{node}-spool/images/stage")) if "." not in s]

    def fetchers(self):
        """gdstore processes of this cluster, by their settings file."""
        mine = self.c.path("").encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    line = f.read()
                if b"gdstore\0" in line and mine in line:
                    yield int(pid)

    def test_verify_finds_a_changed_file(self):
        done = self.gdimage("n1", "pull", self.image("lab/shared:1"), user=BOB)
        self.assertEqual(done.status, 0, done.err)
        tree = self.c.path(f"n1-spool/images/images/{self.digest_on('n1', 'lab/shared:1')}/tree")
        with open(tree + "/opt/new", "w") as f:
            f.write("odd\n")
        found = self.gdimage("n1", "verify")
        self.assertEqual(found.status, 1)
        self.assertIn("not as they were unpacked", found.out)
        with open(tree + "/opt/new", "w") as f:
            f.write("new\n")
        self.assertEqual(self.gdimage("n1", "verify").status, 0)

    def digest_on(self, node, name):
        listed = json.loads(self.gdimage(node, "list", "--json").out)["images"]
        return {i["name"]: i["digest"] for i in listed}[self.image(name)].split(":")[1]


if __name__ == "__main__":
    unittest.main()
