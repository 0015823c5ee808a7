"""One machine: batch jobs from submission to their end, and what users see of them."""

import os
import pwd
import shutil
import unittest

from cluster import Cluster, USERS, wait_until

ALICE, BOB = USERS


def home(user):
    return pwd.getpwnam(user).pw_dir


class Batch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster().__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def output(self, user, name):
        return self.c.read(os.path.join(home(user), name))

    def output_so_far(self, user, name):
        try:
            return self.output(user, name)
        except FileNotFoundError:
            return ""

    def test_a_script_runs_as_its_user_in_her_home_and_writes_her_file(self):
        job = self.c.submit(
            ALICE, script="#!/bin/sh\nid -u; pwd; echo $SLURM_JOB_ID; echo to stderr >&2\n"
        )
        record = self.c.wait_end(job)
        self.assertEqual(record["state"], "COMPLETED")
        out = os.path.join(home(ALICE), f"slurm-{job}.out")
        uid = pwd.getpwnam(ALICE).pw_uid
        self.assertEqual(
            self.c.read(out).splitlines(), [str(uid), home(ALICE), str(job), "to stderr"]
        )
        self.assertEqual(os.stat(out).st_uid, uid)

    def test_the_script_sees_only_its_own_processes(self):
        job = self.c.submit(ALICE, "-o", "ps.out", "--wrap", "ls -d /proc/[0-9]* | wc -l")
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")
        self.assertLess(int(self.output(ALICE, "ps.out")), 12)

    def test_exit_codes_and_signals_are_told_as_slurm_does(self):
        for wrap, state, code in [
            ("exit 3", "FAILED", "3:0"),
            ("kill -9 $$", "FAILED", "0:9"),
            ("true", "COMPLETED", "0:0"),
        ]:
            job = self.c.submit(ALICE, "-o", "/dev/null", "--wrap", wrap)
            record = self.c.wait_end(job)
            self.assertEqual((record["state"], record["exit_code"]), (state, code), wrap)

    def test_wait_gives_the_jobs_own_code(self):
        done = self.c.run(ALICE, "gdsub", "--wait", "-o", "/dev/null", "--wrap", "exit 7")
        self.assertEqual(done.status, 7, done.err)

    def test_time_limit_ends_a_job(self):
        job = self.c.submit(ALICE, "-t", "0:02", "-o", "/dev/null", "--wrap", "sleep 300")
        self.assertEqual(self.c.wait_end(job)["state"], "TIMEOUT")

    def test_memory_over_the_limit_is_out_of_memory_and_nothing_else(self):
        job = self.c.submit(
            ALICE,
            "--mem=64M",
            "-o",
            "/dev/null",
            "--wrap",
            "head -c 500000000 /dev/zero | tail >/dev/null",
        )
        self.assertEqual(self.c.wait_end(job)["state"], "OUT_OF_MEMORY")

    def test_cancel_of_a_running_and_of_a_waiting_job(self):
        running = self.c.submit(ALICE, "-o", "/dev/null", "--wrap", "sleep 300")
        self.c.wait_state(running, "RUNNING")
        waiting = self.c.submit(ALICE, "-H", "-o", "/dev/null", "--wrap", "true")
        self.c.run(ALICE, "gdkill", str(running), str(waiting)).ok()
        self.assertEqual(self.c.wait_end(running)["state"], "CANCELLED")
        self.assertEqual(self.c.wait_end(waiting)["state"], "CANCELLED")

    def test_hold_and_release(self):
        job = self.c.submit(ALICE, "--hold", "-o", "/dev/null", "--wrap", "true")
        record = self.c.job(job)
        self.assertEqual((record["state"], record["reason"]), ("PENDING", "JobHeldUser"))
        self.c.run(ALICE, "gdctl", "release", str(job)).ok()
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")

    def test_begin_time_is_waited_for(self):
        job = self.c.submit(ALICE, "--begin=now+2", "-o", "/dev/null", "--wrap", "true")
        self.assertEqual(self.c.job(job)["reason"], "BeginTime")
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")

    def test_requeue_runs_again_with_a_restart_count(self):
        name = f"requeue.{self.c.tag}"  # of this cluster: an earlier one had the same job ids
        job = self.c.submit(ALICE, "-o", name, "--wrap", "echo run $SLURM_RESTART_COUNT; sleep 300")
        wait_until("first life speaks", lambda: "run" in self.output_so_far(ALICE, name))
        self.c.run(ALICE, "gdctl", "requeue", str(job)).ok()
        wait_until("second life speaks", lambda: "run 1" in self.output_so_far(ALICE, name))
        self.c.run(ALICE, "gdkill", str(job)).ok()
        self.c.wait_end(job)

    def test_a_signal_reaches_the_script(self):
        # An earlier cluster's sig.7 once said "ready" for this one's job 7, which had no trap yet.
        name = f"sig.{self.c.tag}"
        job = self.c.submit(
            ALICE,
            "-o",
            name,
            script="#!/bin/bash\ntrap 'echo got it; exit 0' USR1\n"
            "echo ready\nwhile :; do sleep 0.1; done\n",
        )
        wait_until("trap is set", lambda: "ready" in self.output_so_far(ALICE, name))
        self.c.run(ALICE, "gdkill", "-s", "USR1", "-b", str(job)).ok()
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")
        self.assertIn("got it", self.output(ALICE, name))

    def test_directives_are_read_and_the_command_line_wins(self):
        script = (
            "#!/bin/sh\n#SBATCH -J named --comment='a word'\n#GD --mem 100M\n"
            "#SBATCH -o /dev/null\n\ntrue\n"
        )
        job = self.c.submit(ALICE, "-J", "other", script=script)
        record = self.c.wait_end(job)
        self.assertEqual((record["name"], record["comment"]), ("other", "a word"))

    def test_environment_is_passed_on_or_not(self):
        done = self.c.run(
            ALICE,
            "gdsub",
            "--wait",
            "-o",
            "env.out",
            "--export=ONE=1",
            "--wrap",
            "echo [$ONE] [$TWO]",
            env={"TWO": "2"},
        )
        self.assertEqual(done.status, 0, done.err)
        self.assertEqual(self.output(ALICE, "env.out"), "[1] []\n")

    def test_an_output_that_cannot_be_written_fails_the_job_and_says_so(self):
        job = self.c.submit(ALICE, "-o", "/root/no.out", "--wrap", "true")
        record = self.c.wait_end(job)
        self.assertNotEqual(record["state"], "COMPLETED")
        self.assertIn("/root/no.out", record["reason_text"])

    def test_a_directory_image(self):
        image = self.c.path("image")
        os.makedirs(image + "/bin", exist_ok=True)
        shutil.copy("/bin/busybox", image + "/bin/sh")
        os.chmod(image, 0o755)
        job = self.c.submit(
            ALICE,
            "--image",
            image,
            "-o",
            "image.out",
            script="#!/bin/sh\necho inside; test -e /usr/bin/python3 || echo no host here\n",
        )
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED", self.c.job(job))
        self.assertEqual(self.output(ALICE, "image.out"), "inside\nno host here\n")

    def test_a_read_only_container(self):
        script = "#!/bin/sh\ntouch /etc/new || echo sealed; touch /tmp/new && echo open\n"
        for more, expected in [(["--container-readonly"], "sealed\nopen\n"), ([], "open\n")]:
            # As root inside: who may write there but for the seal.
            job = self.c.submit(
                ALICE, "--root", *more, "-o", "sealed.out", "-e", "/dev/null", script=script
            )
            self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED", self.c.job(job))
            self.assertEqual(self.output(ALICE, "sealed.out"), expected)

    def test_image_names_are_judged_when_a_job_is_submitted(self):
        for name, text in [
            ("Debian:12", "image 'Debian:12' is neither host, an absolute path"),
            ("oci-archive:relative.tar", "needs an absolute path"),
        ]:
            done = self.c.run(ALICE, "gdsub", "--image", name, "--wrap", "true")
            self.assertEqual(done.status, 1, done.err)
            self.assertIn(text, done.err)
            self.assertEqual(done.err.count("\n"), 1, done.err)

    def test_finished_jobs_stay_in_the_accounts(self):
        job = self.c.submit(BOB, "-o", "/dev/null", "-J", "counted", "--wrap", "exit 2")
        self.c.wait_end(job)
        line = self.c.run(
            BOB, "gdacct", "-n", "-P", "-X", "-j", str(job), "-o", "JobID,JobName,State,ExitCode"
        )
        self.assertEqual(line.ok().out.strip(), f"{job}|counted|FAILED|2:0")

    def test_nobody_touches_the_jobs_of_others(self):
        job = self.c.submit(ALICE, "-H", "-o", "/dev/null", "--wrap", "true")
        for command in (
            ["gdkill", str(job)],
            ["gdctl", "release", str(job)],
            ["gdctl", "update", f"job={job}", "name=x"],
        ):
            done = self.c.run(BOB, *command)
            self.assertEqual(done.status, 1, command)
        self.assertEqual(self.c.state(job), "PENDING")
        self.c.run(ALICE, "gdkill", str(job)).ok()

    def test_more_jobs_than_fit_run_one_after_the_other(self):
        cpus = os.cpu_count()
        jobs = [
            self.c.submit(ALICE, "-c", str(cpus), "-o", "/dev/null", "--wrap", "sleep 0.2")
            for _ in range(4)
        ]
        for job in jobs:
            self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")


if __name__ == "__main__":
    unittest.main()
