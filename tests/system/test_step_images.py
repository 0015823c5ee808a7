"""srun --container-image in a job: steps with a container of their own, as of Pyxis."""

import os
import pwd
import shutil
import signal
import tempfile
import unittest

import test_images
from client_case import slurm_names
from cluster import Cluster, USERS, find

ALICE = USERS[0]
HEAD = "#!/bin/bash\nexport PATH=/run/gd/client:$PATH\n"


class StepImages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="gd-steps-", dir="/var/tmp")
        os.chmod(cls.work, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        for colour in ("red", "blue"):
            cls.make_image(os.path.join(cls.work, colour), colour)
        cls.registry = test_images.Registry().__enter__()
        cls.addClassCleanup(cls.registry.__exit__, None, None, None)
        layout = os.path.join(cls.work, "layout")
        test_images.make_layout(layout, test_images.busybox_layers(), test_images.CONFIG)
        for name in ("lab/tools:1", "lab/never:1"):
            cls.registry.push(layout, name)
        cls.c = Cluster(
            nodes=2,
            node_config=f"cpus = 4\nimage_prefixes = {cls.work}\nmount_prefixes = {cls.work}\n"
            f"image_plain_http = {cls.registry.host}\n",
            partitions="[partition main]\ndefault = yes\n"
            "[partition plain]\nroot_inside = no\nallow_images = host, */red\n",
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        cls.path = slurm_names() + ":" + os.path.dirname(find("gdsub")) + ":/usr/bin:/bin"
        cls.home = pwd.getpwnam(ALICE).pw_dir

    @staticmethod
    def make_image(folder, colour):
        os.makedirs(folder + "/bin")
        os.mkdir(folder + "/data")
        os.chmod(folder + "/data", 0o777)
        shutil.copy("/bin/busybox", folder + "/bin/busybox")
        for tool in ("sh", "cat", "echo", "id", "ls", "pwd", "sleep", "touch"):
            os.symlink("busybox", f"{folder}/bin/{tool}")
        with open(folder + "/colour", "w") as f:
            f.write(colour + "\n")

    def image(self, name):
        return os.path.join(self.work, name)

    def batch(self, script, *options, state="COMPLETED"):
        script = HEAD + script.replace("RED", self.image("red")).replace("BLUE", self.image("blue"))
        job = self.c.submit(ALICE, "--mem=0", "-o", "images-%j.out", *options, script=script)
        self.assertEqual(self.c.wait_end(job)["state"], state, self.c.job(job))
        path = os.path.join(self.home, f"images-{job}.out")
        out = self.c.read(path)
        os.unlink(path)
        return out

    def start_allocation(self, *options):
        out = self.c.run(ALICE, "gdalloc", "--no-shell", *options, env={"PATH": self.path}).ok().err
        job = int(out.split("allocation ")[-1].split()[0].rstrip("."))
        self.addCleanup(self.c.run, ALICE, "gdkill", str(job))
        return job

    def srun(self, *argv, **keywords):
        return self.c.run(ALICE, "srun", *argv, env={"PATH": self.path}, **keywords)

    def test_a_scripts_steps_have_the_containers_that_they_name(self):
        out = self.batch(
            "echo mine >/tmp/mine\n"
            "srun --container-image=RED cat /colour\n"
            "srun --container-image=BLUE sh -c 'cat /colour; ls /tmp; touch /data/made; ls /data'\n"
            "srun --container-image=BLUE --container-readonly touch /data/made\n"
            f"srun --container-image=RED --container-mounts={self.work}:/lab ls /lab/blue/colour\n"
            "srun --container-image=RED --container-workdir=/bin pwd\n"
            "srun --container-image=RED --no-container-mount-home sh -c 'ls -A $HOME'\n"
            "srun --container-image=RED --container-remap-root id -u\n"
            "srun --container-mounts=tmpfs:/srv cat /tmp/mine /colour\n"
            "srun cat /tmp/mine\n"
        )
        said = [line for line in out.splitlines() if "srun: error" not in line]
        self.assertEqual(
            said,
            ["red", "blue", "made", "touch: /data/made: Read-only file system"]
            + ["/lab/blue/colour", "/bin", "0"]
            + [f"cat: {name}: No such file or directory" for name in ("/tmp/mine", "/colour")]
            + ["mine"],
        )

    def test_tasks_on_two_nodes_share_one_container_on_each(self):
        script = (
            "srun -n4 -l --container-image=RED sh -c "
            "'touch /tmp/$SLURM_PROCID; sleep 0.5; echo $(ls /tmp)'\n"
        )
        out = self.batch(script, "-N2", "-n4")
        self.assertEqual(sorted(out.splitlines()), ["0: 0 1", "1: 0 1", "2: 2 3", "3: 2 3"])

    def test_what_one_step_writes_to_a_named_container_the_next_one_has(self):
        out = self.batch(
            "srun --container-image=RED --container-name=tools touch /data/made\n"
            "srun --container-image=RED ls /data\n"
            "srun --container-name=tools ls /data /colour\n"
        )
        self.addCleanup(
            self.c.run,
            ALICE,
            "gdimage",
            "discard",
            "tools",
            env={"GD_CONF": self.c.path("n1.conf")},
        )
        self.assertEqual(out.split(), ["/colour", "/data:", "made"])

    def test_two_images_side_by_side_and_srun_within_one(self):
        out = self.batch(
            "srun --exact -n1 -o red-%j --container-image=RED sh -c 'cat /colour; sleep 1' &\n"
            "srun --exact -n1 -o blue-%j --container-image=BLUE sh -c "
            "'cat /colour; srun --overlap -n1 --container-image=RED cat /colour; sleep 1' &\n"
            "wait\ncat red-$SLURM_JOB_ID blue-$SLURM_JOB_ID\n"
            "rm red-$SLURM_JOB_ID blue-$SLURM_JOB_ID\n",
            "-n2",
        )
        self.assertEqual(out.splitlines(), ["red", "blue", "red"])

    def test_a_terminal_in_an_allocation_and_the_jobs_end(self):
        job = self.start_allocation("-N1", "-n2")
        red = (f"--jobid={job}", "--overlap", f"--container-image={self.image('red')}")
        line = f"srun --pty {' '.join(red)} sh -c 'cat /colour; test -t 0 && echo terminal'"
        done = self.c.run(ALICE, "script", "-qec", line, "/dev/null", env={"PATH": self.path}).ok()
        for word in ("red", "terminal"):  # as output, or on the screen that was there by then
            self.assertIn(word, done.out)
        held = self.c.start_command(
            ALICE, "srun", *red, "sh", "-c", "echo up; sleep 100", env={"PATH": self.path}
        )
        self.assertEqual(held.stdout.readline(), b"up\n")
        self.c.run(ALICE, "gdkill", str(job)).ok()
        self.c.wait_end(job)
        self.assertNotEqual(held.wait(timeout=10), 0)
        held.stdout.close()
        held.stderr.close()

    def test_what_the_partition_forbids_its_steps_may_not_have(self):
        out = self.batch(
            "srun --container-image=BLUE cat /colour\n"
            "srun --container-image=RED --container-remap-root id -u\n"
            "srun --container-image=RED cat /colour\n"
            "srun --container-image=/nowhere/red cat /colour\n",
            "-p",
            "plain",
            state="FAILED",
        )
        for words in (
            f"image {self.image('blue')} is not allowed in partition plain",
            "lets no job be root inside",
            "\nred\n",
            "/nowhere/red: No such file or directory",
        ):
            self.assertIn(words, out)

    def test_while_its_image_is_fetched_srun_says_so_and_can_be_killed(self):
        job = self.start_allocation("-N1", "-n2", "-w", "n1")
        image = f"{self.registry.host}/lab/tools:1"
        step = (f"--jobid={job}", "--overlap", f"--container-image={image}", "cat", "/opt/new")
        self.registry.daemon.process.send_signal(signal.SIGSTOP)
        try:
            waiting = self.c.start_command(ALICE, "srun", *step, env={"PATH": self.path})
            line = waiting.stderr.readline().decode()
            self.assertEqual(line, f"srun: n1: image {image} is being fetched\n")
            waiting.send_signal(signal.SIGTERM)
            self.assertEqual(waiting.wait(timeout=10), 1)
            self.assertIn(b"cancelled", waiting.stderr.read())
            waiting.stdout.close()
            waiting.stderr.close()
        finally:
            self.registry.daemon.process.send_signal(signal.SIGCONT)
        done = self.srun(*step).ok()
        self.assertEqual(done.out, "new\n")
        gone = self.srun(f"--jobid={job}", f"--container-image={self.registry.host}/lab/no:1", "id")
        self.assertEqual(gone.status, 1)
        self.assertIn("not found", gone.err)


if __name__ == "__main__":
    unittest.main()
