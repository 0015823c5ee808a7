"""gd's own commands inside of jobs: any image, no home, the job's own key and its end."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import unittest

from cluster import Cluster, USERS, wait_until

ALICE, BOB = USERS
HOMELESS = "gdtest3"  # has no home on the node, so nothing of it is mounted

APPLETS = ("sh", "cat", "echo", "ls", "id", "test", "sleep", "cp", "env", "chmod", "tr", "true")


def make_homeless():
    try:
        pwd.getpwnam(HOMELESS)
    except KeyError:
        subprocess.run(
            ["useradd", "-M", "-d", "/nonexistent", "-s", "/bin/sh", HOMELESS], check=True
        )


class Inside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        make_homeless()
        cls.c = Cluster(nodes=2, node_config="mount_prefixes = /var/tmp\n").__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        cls.image = cls.make_image()
        cls.shared = cls.make_shared()

    @classmethod
    def make_image(cls):
        """A root directory with one static program: no C library, no passwd, no home."""
        folder = tempfile.mkdtemp(prefix="busybox-", dir=cls.c.dir)
        os.chmod(folder, 0o755)
        for name in ("bin", "etc", "tmp"):
            os.mkdir(os.path.join(folder, name))
        shutil.copy("/bin/busybox", os.path.join(folder, "bin/busybox"))
        for applet in APPLETS:
            os.symlink("busybox", os.path.join(folder, "bin", applet))
        return folder

    @classmethod
    def make_shared(cls):
        """A folder that is the homeless user's, for what her jobs write."""
        folder = tempfile.mkdtemp(prefix="shared-", dir=cls.c.dir)
        entry = pwd.getpwnam(HOMELESS)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        os.chmod(folder, 0o755)
        return folder

    def gd(self, *argv, user=HOMELESS, **keywords):
        keywords.setdefault("env", {})
        keywords["env"].setdefault("GD_KEY", os.path.join(self.shared, "login.key"))
        return self.c.run(user, *argv, cwd="/", **keywords)

    def submit(self, script, *options):
        """A job of the homeless user in the busybox image; its number and its output's path."""
        done = self.gd(
            "gdsub",
            "--parsable",
            "--image",
            self.image,
            "-D",
            self.shared,
            "-o",
            self.shared + "/%j.out",
            *options,
            input=script,
        ).ok()
        job = int(done.out)
        return job, os.path.join(self.shared, f"{job}.out")

    def run_script(self, script, *options, state="COMPLETED"):
        job, path = self.submit(script, *options)
        record = self.c.wait_end(job)
        text = self.c.read(path)
        self.assertEqual(record["state"], state, text)
        return job, text

    def test_a_script_in_a_busybox_image_uses_the_commands_as_it_does_outside(self):
        job, text = self.run_script(
            "#!/bin/sh\n"
            "ls /nonexistent && echo a home\n"
            "echo nodes: $(scontrol show hostnames $SLURM_JOB_NODELIST | tr '\\n' ' ')\n"
            "echo me: $(squeue -h -j $SLURM_JOB_ID -o '%i %T %u')\n"
            "echo mine: $(squeue -h --me -o '%i')\n"
            f"echo next: $(sbatch --parsable -J next --image {self.image} -d afterok:$SLURM_JOB_ID "
            f"-D {self.shared} -o {self.shared}/next.out --wrap 'echo followed $GD_KEY')\n"
            "echo step: $(srun sh -c 'echo $SLURM_STEP_ID $(id -u) $SLURM_JOB_ID')\n"
            "srun sh -c 'exit 7'; echo code: $?\n"
            "echo waits: $(sbatch --parsable -H --wrap true)\n"
            "scancel --me -n wrap -t PENDING; echo cancel: $?\n"
            "sinfo -h -o %D\n",
            "-n",
            "1",
        )
        uid = pwd.getpwnam(HOMELESS).pw_uid
        lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        self.assertNotIn("a home", text)
        self.assertRegex(lines["nodes"], r"^n[12]\s*$")
        self.assertEqual(lines["me"], f"{job} RUNNING {HOMELESS}")
        self.assertEqual(lines["mine"].split(), [str(job)])
        self.assertEqual(lines["step"], f"0 {uid} {job}")
        self.assertEqual(lines["code"], "7")
        self.assertEqual(lines["cancel"], "0", text)
        self.assertEqual(self.c.wait_end(int(lines["waits"]))["state"], "CANCELLED")
        following = int(lines["next"])
        self.assertEqual(self.c.wait_end(following)["state"], "COMPLETED")
        self.assertEqual(self.c.read(self.shared + "/next.out"), "followed /run/gd/key\n")

    def test_a_follow_up_job_runs_with_a_key_of_its_own(self):
        job, text = self.run_script(
            f"#!/bin/sh\nsbatch --parsable --image {self.image} -D {self.shared} "
            f"-o {self.shared}/follow.out --wrap 'squeue -h -j $SLURM_JOB_ID -o %i; "
            "cat /run/gd/key'\ncat /run/gd/key\n"
        )
        lines = text.splitlines()
        following = int(lines[0])
        self.assertEqual(self.c.wait_end(following)["state"], "COMPLETED")
        theirs = self.c.read(self.shared + "/follow.out").splitlines()
        self.assertEqual(theirs[0], str(following))
        self.assertTrue(lines[2].endswith(f" job {job}"), lines)
        self.assertTrue(theirs[2].endswith(f" job {following}"), theirs)
        self.assertNotEqual(lines[1], theirs[1])

    def test_the_last_job_cancels_itself(self):
        self.run_script("#!/bin/sh\nscancel $SLURM_JOB_ID\nsleep 300\n", state="CANCELLED")

    def test_the_host_image_and_an_exported_key_too(self):
        done = self.c.run(
            ALICE,
            "gdsub",
            "--parsable",
            "--export=ALL,GD_KEY=/nonexistent/key,GD_CONF=/nonexistent/conf",
            "-o",
            "inside-host.out",
            "--wrap",
            "echo $GD_KEY $GD_CONF; PATH=/run/gd/client:/bin squeue -h -j $SLURM_JOB_ID -o %u",
        ).ok()
        job = int(done.out)
        path = os.path.join(pwd.getpwnam(ALICE).pw_dir, "inside-host.out")
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED", self.c.read(path))
        self.assertEqual(self.c.read(path).splitlines(), ["/run/gd/key /run/gd/gd.conf", ALICE])
        os.unlink(path)

    def test_root_inside_has_the_same_rights_and_no_more(self):
        entry = pwd.getpwnam(HOMELESS)
        image = shutil.copytree(self.image, self.shared + "/image", symlinks=True)
        subprocess.run(["chown", "-Rh", f"{entry.pw_uid}:{entry.pw_gid}", image], check=True)
        job, path = self.submit(
            "#!/bin/sh\nid -u; squeue -h -j $SLURM_JOB_ID -o '%i %u'; ls -ln /run/gd/key\n",
            "--root",
            "--image",
            image,
        )
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED", self.c.read(path))
        lines = self.c.read(path).splitlines()
        self.assertEqual(lines[:2], ["0", f"{job} {HOMELESS}"])
        self.assertRegex(lines[2], r"^-rw-------\s+1 0 ")

    def test_the_key_dies_with_its_job(self):
        _, text = self.run_script("#!/bin/sh\ncat /run/gd/key\n")
        kept = os.path.join(self.shared, "kept.key")
        self.steal(text, kept, HOMELESS)
        done = self.gd("gdstat", env={"GD_KEY": kept})
        self.assertEqual(done.status, 1)
        self.assertRegex(done.err, r"the key of job \d+ is known no more: the job has ended")
        self.assertEqual(self.c.read(kept), text)  # no new one was enrolled in its place

    def steal(self, text, path, user):
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o600)
        os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)

    def test_others_read_it_neither_inside_nor_outside_and_use_it_not(self):
        job, path = self.submit(
            "#!/bin/sh\nls -ln /run/gd; cp /run/gd/key copy.key; chmod 644 copy.key; "
            "echo ready; sleep 300\n"
        )
        wait_until("the script runs", lambda: "ready" in self.output(path))
        uid = pwd.getpwnam(HOMELESS).pw_uid
        self.assertRegex(self.output(path), rf"-rw-------\s+1 {uid} ")
        pid = self.a_process_of(uid)
        for file in (f"/proc/{pid}/root/run/gd/key", "/run/gd/key"):
            done = self.c.run(BOB, "cat", file)
            self.assertNotEqual(done.status, 0, file)
            self.assertNotIn("job", done.out)
        # A key that its owner laid open is refused to another user by the client, as any is.
        copy = os.path.join(self.shared, "copy.key")
        done = self.c.run(BOB, "gdstat", env={"GD_KEY": copy})
        self.assertEqual(done.status, 1, done.out)
        self.assertIn("belongs to uid", done.err)
        # And whoever holds it has one user's rights: others' jobs stay as they are.
        theirs = self.c.submit(BOB, "-H", "-o", "/dev/null", "--wrap", "true")
        subprocess.run(["chmod", "600", copy], check=True)
        done = self.gd("gdkill", str(theirs), env={"GD_KEY": copy})
        self.assertEqual(self.c.state(theirs), "PENDING")
        for words in (["key", "list"], ["node", "token", "n9"], ["drain", "n1", "why"]):
            done = self.gd("gdctl", *words, env={"GD_KEY": copy})
            self.assertEqual(done.status, 1, words)
            self.assertIn("a job of user " + HOMELESS, done.err)
        self.c.run(BOB, "gdkill", str(theirs)).ok()
        self.gd("gdkill", str(job)).ok()
        self.c.wait_end(job)

    def output(self, path):
        try:
            return self.c.read(path)
        except FileNotFoundError:
            return ""

    def a_process_of(self, uid):
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/status") as f:
                    text = f.read()
            except OSError:
                continue
            if re.search(rf"^Uid:\s+{uid}\b", text, re.M):
                return entry
        self.fail(f"no process of uid {uid}")

    def test_a_program_of_the_job_cannot_change_the_client_folder(self):
        _, text = self.run_script(
            "#!/bin/sh\necho x > /run/gd/client/gd; echo x > /run/gd/gd.conf; "
            "echo x > /run/gd/client/new; ls /run/gd/client/new; squeue -h --me -o %i\n"
        )
        self.assertIn("Read-only file system", text)
        self.assertIn("Permission denied", text)
        self.assertIn("No such file", text)


if __name__ == "__main__":
    unittest.main()
