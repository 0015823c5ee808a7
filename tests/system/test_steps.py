"""Steps of many tasks: over nodes and on one, side by side, their streams, codes and signals."""

import json
import os
import pwd
import re
import signal
import subprocess
import time
import unittest

from client_case import slurm_names
from cluster import Cluster, USERS, find, wait_until

ALICE, BOB = USERS
# Whatever else is installed here, the commands are ours.
HEAD = "#!/bin/bash\nexport PATH=/run/gd/client:$PATH\n"


class Steps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(nodes=2, node_config="cpus = 4\n").__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        cls.path = slurm_names() + ":" + os.path.dirname(find("gdsub")) + ":/usr/bin:/bin"
        cls.home = pwd.getpwnam(ALICE).pw_dir

    def run_as(self, *argv, **keywords):
        keywords.setdefault("env", {})
        keywords["env"].setdefault("PATH", self.path)
        return self.c.run(ALICE, *argv, **keywords)

    def batch(self, script, *options, state="COMPLETED"):
        """What a batch script printed; its own output file is read and removed."""
        job = self.c.submit(ALICE, "--mem=0", "-o", "steps-%j.out", *options, script=HEAD + script)
        self.assertEqual(self.c.wait_end(job)["state"], state, self.c.job(job))
        path = os.path.join(self.home, f"steps-{job}.out")
        out = self.c.read(path)
        os.unlink(path)
        return out

    # -- outside of a job

    def test_tasks_of_a_job_of_ones_own_are_on_all_of_its_nodes(self):
        done = self.run_as(
            "srun",
            "-N2",
            "-n4",
            "-l",
            "sh",
            "-c",
            "echo $SLURM_PROCID $SLURM_LOCALID $SLURM_NODEID $SLURM_NTASKS $SLURMD_NODENAME",
        ).ok()
        self.assertEqual(
            sorted(done.out.splitlines()),
            ["0: 0 0 0 4 n1", "1: 1 1 0 4 n1", "2: 2 0 1 4 n2", "3: 3 1 1 4 n2"],
        )
        self.assertEqual(done.err, "")

    def test_one_task_a_node_needs_nothing_between_it_and_its_streams(self):
        done = self.run_as("srun", "-N2", "-m", "cyclic", "sh", "-c", "echo $SLURM_GTIDS; hostname")
        self.assertEqual(sorted(done.ok().out.split()), ["0", "1", "n1", "n2"])

    def test_labels_are_as_wide_as_the_highest_number(self):
        done = self.run_as("srun", "-N2", "-n12", "-c", "1", "-O", "true")
        self.assertEqual(done.status, 255)  # more tasks than processors is refused by name
        done = self.run_as("gdrun", "-n", "8", "-l", "sh", "-c", "echo $((SLURM_PROCID + 5))").ok()
        self.assertEqual(sorted(done.out.splitlines()), [f"{i}: {i + 5}" for i in range(8)])

    def test_the_code_is_the_highest_and_each_bad_end_is_told(self):
        done = self.run_as("srun", "-N2", "-n4", "sh", "-c", "exit $SLURM_PROCID")
        self.assertEqual(done.status, 3)
        told = sorted(done.err.splitlines())
        self.assertEqual(
            told,
            [
                "srun: error: n1: task 1: Exited with exit code 1",
                "srun: error: n2: task 2: Exited with exit code 2",
                "srun: error: n2: task 3: Exited with exit code 3",
            ],
        )
        done = self.run_as("srun", "-n2", "sh", "-c", "kill -SEGV $$")
        self.assertEqual(done.status, 139, done.err)
        self.assertIn("Segmentation fault", done.err)

    def test_a_program_that_is_not_there_is_code_2(self):
        for tasks in ("1", "3"):
            done = self.run_as("srun", "-n", tasks, "/no/such/program")
            self.assertEqual(done.status, 2, done.err)
            self.assertIn("No such file or directory", done.err)

    # -- input

    def test_input_goes_to_all_tasks_or_to_one(self):
        text = "".join(f"line {i}\n" for i in range(20000))
        count = ("sh", "-c", "echo $SLURM_PROCID $(wc -l)")
        done = self.run_as("srun", "-N2", "-n4", *count, input=text).ok()
        self.assertEqual(sorted(done.out.splitlines()), [f"{i} 20000" for i in range(4)])
        done = self.run_as("srun", "-N2", "-n4", "-i", "2", *count, input=text).ok()
        self.assertEqual(sorted(done.out.splitlines()), ["0 0", "1 0", "2 20000", "3 0"])
        done = self.run_as("srun", "--export=NONE", "-n2", "-i", "1", *count, input=text).ok()
        self.assertEqual(sorted(done.out.splitlines()), ["0 0", "1 20000"])
        # A task with a node of its own does not hand the choice on to steps of its own.
        seen = ("sh", "-c", "echo ${GD_INPUT_TASK-unset}")
        done = self.run_as("srun", "-N2", "-n2", "-i", "1", *seen).ok()
        self.assertEqual(done.out.split(), ["unset", "unset"])
        done = self.run_as("srun", "-N2", "-n4", "-i", "none", *count, input=text).ok()
        self.assertEqual(sorted(done.out.splitlines()), [f"{i} 0" for i in range(4)])

    def test_much_output_of_many_tasks_is_whole_and_its_lines_are(self):
        script = "i=0; while [ $i -lt 2000 ]; do echo task-$SLURM_PROCID-$i; i=$((i+1)); done"
        done = self.run_as("srun", "-N2", "-n6", "sh", "-c", script).ok()
        self.assertEqual(
            sorted(done.out.splitlines()),
            sorted(f"task-{t}-{i}" for t in range(6) for i in range(2000)),
        )

    # -- files

    def test_files_by_task_by_node_and_joined(self):
        folder = os.path.join(self.home, "step files")
        self.run_as("mkdir", "-p", folder).ok()
        say = ("sh", "-c", "echo out $SLURM_PROCID; echo err $SLURM_PROCID >&2")
        self.run_as("srun", "-N2", "-n4", "-o", "%j-%t.out", "-e", "e-%n-%N", *say, cwd=folder).ok()
        names = sorted(os.listdir(folder))
        self.assertEqual([n for n in names if n[0] == "e"], ["e-0-n1", "e-1-n2"])
        self.assertEqual(
            [re.sub(r"^\d+", "J", n) for n in names if n[0] != "e"],
            [f"J-{i}.out" for i in range(4)],
        )
        self.assertEqual(
            sorted(self.c.read(os.path.join(folder, "e-1-n2")).split()), ["2", "3", "err", "err"]
        )
        self.run_as("srun", "-n3", "-o", "all", "-e", "none", *say, cwd=folder).ok()
        done = self.run_as("srun", "-n3", "-o", "1", *say, cwd=folder).ok()
        self.assertEqual((done.out, done.err), ("out 1\n", "err 1\n"))
        done = self.run_as("srun", "-n3", "-o", "3", *say, cwd=folder)
        self.assertEqual(done.status, 255)
        self.assertIn("there is no such task", done.err)
        self.run_as("rm", "-r", folder).ok()

    def test_programs_by_task(self):
        folder = os.path.join(self.home, "multi")
        self.run_as("mkdir", "-p", folder).ok()
        listing = "0 echo master\n1,3 echo 'odd one' %t\n* sh -c 'echo rest $SLURM_PROCID'\n"
        self.run_as("sh", "-c", "cat > progs", input=listing, cwd=folder).ok()
        done = self.run_as("srun", "-N2", "-n5", "-l", "--multi-prog", "progs", cwd=folder).ok()
        self.assertEqual(
            sorted(done.out.splitlines()),
            ["0: master", "1: odd one 1", "2: rest 2", "3: odd one 3", "4: rest 4"],
        )
        done = self.run_as("srun", "-n2", "--multi-prog", "progs", cwd=folder)
        self.assertIn("line 2: task 3 is not there: the step has 2, counted from 0", done.err)
        self.run_as("rm", "-r", folder).ok()

    # -- inside

    def test_a_script_runs_steps_over_its_nodes(self):
        out = self.batch(
            "hostname\n"
            "srun -l hostname | sort\n"
            "srun -n1 -N1 -r1 hostname\n"
            "srun -w n2 -n2 sh -c 'echo $SLURM_STEP_NODELIST $SLURM_STEP_NUM_TASKS'\n"
            "srun --mpi=none --cpu-bind=none -N2 -n2 -J named sh -c 'echo $SLURM_NODEID' | sort\n",
            "-N2",
            "-n4",
        )
        self.assertEqual(
            out.splitlines(),
            ["n1", "0: n1", "1: n1", "2: n2", "3: n2", "n2", "n2 2", "n2 2", "0", "1"],
        )

    def test_steps_side_by_side_share_the_allocation_and_others_wait(self):
        out = self.batch(
            "for i in 1 2 3 4; do srun -n1 --exact sh -c 'echo in; sleep 1; echo out' & done\n"
            "wait\n",
            "-N1",
            "-n4",
        )
        self.assertEqual(out.split(), ["in"] * 4 + ["out"] * 4)
        out = self.batch(
            "srun -n1 sh -c 'touch /tmp/first; sleep 1; echo done' &\n"
            "while [ ! -e /tmp/first ]; do sleep 0.05; done\n"
            "srun -n1 echo second\n"
            "wait\n",
            "-N1",
            "-n2",
        )
        lines = out.splitlines()
        self.assertIn("done", lines, out)
        self.assertLess(lines.index("done"), lines.index("second"), out)
        self.assertIn(
            "step creation temporarily disabled, retrying (Requested nodes are busy)", out
        )
        self.assertRegex(out, r"srun: Step created for job \d+")

    def requests(self):
        """How often steps were asked for since the controller began."""
        counts = json.loads(self.c.admin(find("sdiag"), "--json").ok().out)["statistics"]
        return sum(
            one["count"]
            for one in counts["rpcs_by_message_type"]
            if "step" in one["message_type"].lower()
        )

    def test_a_step_that_waits_for_others_is_told_when_to_ask_again(self):
        before = self.requests()
        out = self.batch(
            "srun -n1 sh -c 'touch /tmp/first; sleep 2; date +%s%N' &\n"
            "while [ ! -e /tmp/first ]; do sleep 0.05; done\n"
            "srun -Q -n1 date +%s%N\n"
            "wait\n",
            "-N1",
        )
        first, second = (int(line) for line in out.split())
        self.assertLess((second - first) / 1e9, 0.5)
        # Two that are made; one that is busy, once more at the first notice, and a few for others.
        self.assertLessEqual(self.requests() - before, 6)

    def test_steps_one_after_the_other_say_nothing(self):
        out = self.batch("for i in 1 2 3 4 5 6 7 8; do srun -n1 true; done 2>&1\n", "-N1")
        self.assertEqual(out, "")

    def test_more_than_the_job_has_is_refused_with_the_numbers(self):
        out = self.batch("srun -n9 true\necho code $?\n", "-N2", "-n4")
        self.assertIn("Unable to create step for job", out)
        self.assertIn("More processors requested than permitted", out)
        self.assertIn("code 1", out)

    def test_a_step_that_is_too_large_for_its_memory_ends_alone(self):
        out = self.batch(
            "srun -n1 --mem=50M sh -c 'head -c 200M /dev/zero | tail' 2>&1\n"
            "echo code $?\nsrun -n1 echo alive\n",
            "--mem=500M",
        )
        self.assertIn("out of memory", out)
        self.assertNotIn("code 0", out)
        self.assertIn("alive", out)

    def test_kill_on_bad_exit_and_wait_end_the_others(self):
        begin = time.monotonic()
        done = self.run_as(
            "srun",
            "-N2",
            "-n2",
            "-K",
            "sh",
            "-c",
            "[ $SLURM_PROCID = 1 ] && exit 7; exec sleep 60",
        )
        self.assertEqual(done.status, 137, done.err)
        self.assertIn("task 1: Exited with exit code 7", done.err)
        done = self.run_as(
            "srun", "-n2", "-W", "1", "sh", "-c", "[ $SLURM_PROCID = 1 ] && exit 0; exec sleep 60"
        )
        self.assertEqual(done.status, 137, done.err)
        self.assertLess(time.monotonic() - begin, 40)

    def test_signals_reach_all_tasks_and_the_code_is_theirs(self):
        trap = 'trap "echo got $SLURM_PROCID; exit 5" TERM; echo up; while :; do sleep 0.05; done'
        run = self.c.start_command(
            ALICE, "srun", "-N2", "-n4", "-u", "bash", "-c", trap, env={"PATH": self.path}
        )
        for _ in range(4):
            self.assertEqual(run.stdout.readline(), b"up\n")
        run.send_signal(signal.SIGTERM)
        out, err = run.communicate(timeout=60)
        self.assertEqual(sorted(out.splitlines()), [b"got %d" % i for i in range(4)])
        self.assertEqual(run.returncode, 5, err)

    def test_cancelling_lets_the_steps_of_all_nodes_clean_up(self):
        mark = os.path.join(self.home, "cleaned-$SLURM_PROCID")
        script = (
            "srun -N2 -n2 bash -c 'trap \"touch ~/cleaned-$SLURM_PROCID; exit 0\" TERM; "
            "echo up; while :; do sleep 0.05; done'\n"
        )
        job = self.c.submit(ALICE, "--mem=0", "-o", "c.out", "-N2", "-n2", script=HEAD + script)
        path = os.path.join(self.home, "c.out")
        wait_until(
            "both are up", lambda: os.path.exists(path) and self.c.read(path).count("up") == 2
        )
        self.run_as("scancel", str(job)).ok()
        self.assertEqual(self.c.wait_end(job)["state"], "CANCELLED")
        for i in range(2):
            os.unlink(mark.replace("$SLURM_PROCID", str(i)))
        os.unlink(path)

    def test_accounting_has_the_steps_with_their_tasks_and_nodes(self):
        job = self.c.submit(
            ALICE,
            "--mem=0",
            "-o",
            "/dev/null",
            "-N2",
            "-n4",
            script=HEAD + "srun -J wide true\nsrun -n1 --exact sh -c 'exit 3'\n",
        )
        self.c.wait_end(job)
        done = self.run_as(
            "sacct",
            "-n",
            "-P",
            "-j",
            str(job),
            "-o",
            "JobID,JobName,NTasks,NNodes,AllocCPUS,State,ExitCode,NodeList",
        ).ok()
        rows = done.out.splitlines()
        self.assertIn(f"{job}.extern|extern|1|1|4|COMPLETED|0:0|n2", rows, done.out)
        self.assertIn(f"{job}.0|wide|4|2|4|COMPLETED|0:0|n[1-2]", rows, done.out)
        self.assertIn(f"{job}.1|sh|1|1|1|FAILED|3:0|n1", rows, done.out)

    # -- salloc

    def test_salloc_holds_nodes_while_its_command_runs(self):
        done = self.run_as(
            "salloc",
            "-N2",
            "-n4",
            "sh",
            "-c",
            "echo $SLURM_JOB_NODELIST $SLURM_NTASKS $SLURM_TASKS_PER_NODE; "
            "srun hostname | sort; exit 4",
        )
        self.assertEqual(done.status, 4, done.err)
        self.assertEqual(done.out.splitlines(), ["n[1-2] 4 2(x2)", "n1", "n1", "n2", "n2"])
        self.assertRegex(
            done.err,
            r"^salloc: Granted job allocation (\d+)\nsalloc: Relinquishing job allocation \1\n$",
        )
        job = re.search(r"allocation (\d+)", done.err).group(1)
        self.assertEqual(self.c.wait_end(int(job))["state"], "FAILED")
        self.assertEqual(self.run_as("salloc", "true").ok().status, 0)

    def test_salloc_without_a_shell_stays_until_it_is_cancelled(self):
        done = self.run_as("salloc", "--no-shell", "-N2").ok()
        job = re.search(r"Granted job allocation (\d+)", done.err).group(1)
        done = self.run_as("srun", "--jobid", job, "-N2", "hostname").ok()
        self.assertEqual(sorted(done.out.split()), ["n1", "n2"])
        run = self.c.start_command(
            ALICE, "srun", "--jobid", job, "sleep", "60", env={"PATH": self.path}
        )
        wait_until(
            "the step runs",
            lambda: self.run_as("sacct", "-n", "-P", "-j", job, "-o", "JobID,State").out.count(
                "RUNNING"
            )
            >= 2,
        )
        self.run_as("scancel", job).ok()
        self.assertEqual(self.c.wait_end(int(job))["state"], "CANCELLED")
        run.communicate(timeout=60)
        self.assertNotEqual(run.returncode, 0)

    def test_an_allocation_that_is_cancelled_ends_its_shell(self):
        run = self.c.start_command(ALICE, "salloc", "-n1", "sleep", "60", env={"PATH": self.path})
        line = run.stderr.readline().decode()
        job = re.search(r"Granted job allocation (\d+)", line).group(1)
        self.run_as("scancel", job).ok()
        _, err = run.communicate(timeout=60)
        self.assertIn(f"salloc: Job allocation {job} has been revoked.", err.decode())
        self.assertNotEqual(run.returncode, 0)

    # -- files to all nodes

    def test_sbcast_brings_a_file_to_each_node_of_the_job(self):
        out = self.batch(
            "cd /tmp; head -c 3000000 /dev/urandom >in; chmod 751 in; touch -d @981173106 in\n"
            "sbcast -p /tmp/in /tmp/out || echo failed\n"
            "srun -l sh -c 'stat -c \"%a %U %Y %s\" /tmp/out'\n"
            "srun sha256sum /tmp/out | sort -u | wc -l; sha256sum </tmp/in | cut -c1-64 >/tmp/sum\n"
            "srun -n1 sha256sum /tmp/out | cut -c1-64 | cmp - /tmp/sum && echo same\n"
            "sbcast /tmp/in /tmp/out; echo $?\n"
            "sbcast -f /tmp/sum /tmp/out; echo $?\n"
            "srun cat /tmp/out | sort -u | cmp - /tmp/sum && echo replaced\n"
            "cd /tmp; sbcast in relative && srun -l stat -c %s /tmp/relative\n",
            "-N2",
        )
        told, lines = [], []
        for line in out.splitlines():
            (told if line.startswith("sbcast: ") else lines).append(line)
        self.assertEqual(
            sorted(told), [f"sbcast: {n}: /tmp/out: File exists" for n in ("n1", "n2")]
        )
        self.assertEqual(sorted(lines[:2]), [f"{i}: 751 {ALICE} 981173106 3000000" for i in (0, 1)])
        self.assertEqual(lines[2:7], ["1", "same", "1", "0", "replaced"])
        self.assertEqual(sorted(lines[7:]), ["0: 3000000", "1: 3000000"])

    def test_sbcast_from_outside_goes_to_a_job_or_to_the_nodes_of_a_step(self):
        started = os.path.join(self.home, "second-node")
        script = HEAD + f"srun -n1 -r1 sh -c 'touch {started}; exec sleep 60'"
        job = self.c.submit(ALICE, "-N2", "--mem=0", "-o", "/dev/null", script=script)
        self.addCleanup(lambda: self.run_as("scancel", str(job)))
        wait_until("the step runs", lambda: os.path.exists(started))
        os.unlink(started)
        seen = ("srun", f"--jobid={job}", "--overlap", "-l", "sh", "-c", "cat /tmp/x || echo none")
        self.run_as("sbcast", "-v", "-j", f"{job}.0", "/etc/hostname", "/tmp/x").ok()
        name = self.c.read("/etc/hostname").strip()
        self.assertEqual(
            sorted(self.run_as(*seen).ok().out.split("\n")[:2]), ["0: none", f"1: {name}"]
        )
        done = self.run_as("sbcast", "-j", str(job), "/etc/hostname", "/tmp/x")
        self.assertEqual((done.status, done.err), (1, "sbcast: n2: /tmp/x: File exists\n"))
        self.assertEqual(sorted(set(self.run_as(*seen).ok().out.split())), ["0:", "1:", name])
        done = self.c.run(BOB, find("sbcast"), "-j", str(job), "/etc/hostname", "/tmp/y")
        self.assertEqual(done.status, 1)
        done = self.run_as("sbcast", "-j", f"{job}.77", "/etc/hostname", "/tmp/y")
        self.assertEqual((done.status, done.err), (1, f"sbcast: error: job {job} has no step 77\n"))

    # -- beside a step's srun

    def test_sattach_sees_what_comes_and_speaks_beside_the_srun(self):
        code = (
            'echo began $SLURM_PROCID; read line; echo "$SLURM_PROCID got $line"; '
            "exit $((SLURM_PROCID + 4))"
        )
        for tasks, nodes in ((2, 2), (4, 2)):
            job = self.c.submit(
                ALICE, "-N2", "-n4", "--mem=0", "-o", "/dev/null", "--wrap", "sleep 99"
            )
            self.addCleanup(self.run_as, "scancel", str(job))
            self.c.wait_state(job, "RUNNING")
            step = f"{job}.0"
            argv = ["srun", f"--jobid={job}", f"-n{tasks}", f"-N{nodes}", "-l", "sh", "-c", code]
            run = self.c.start_command(ALICE, *argv, env={"PATH": self.path}, stdin=subprocess.PIPE)
            began = b"".join(run.stdout.readline() for _ in range(tasks))
            self.assertEqual(began.count(b"began"), tasks, began)
            laid = self.run_as("sattach", "--layout", step).ok().out
            self.assertIn(f"\t{tasks} tasks, 2 nodes (n[1-2])\n", laid)
            self.assertIn(f"\tNode 1 (n2), {tasks // 2} task(s): {tasks // 2} ", laid)
            watch = self.c.start_command(
                ALICE, "sattach", "-v", "-l", step, env={"PATH": self.path}, stdin=subprocess.PIPE
            )
            self.assertIn(b"watching", watch.stderr.readline())
            one = self.c.start_command(
                ALICE, "sattach", "-v", "--output-filter=1", step, env={"PATH": self.path}
            )
            self.assertIn(b"watching", one.stderr.readline())
            leaves = self.c.start_command(ALICE, "sattach", "-v", step, env={"PATH": self.path})
            self.assertIn(b"watching", leaves.stderr.readline())
            leaves.send_signal(signal.SIGINT)
            _, err = leaves.communicate(timeout=30)
            self.assertEqual((leaves.returncode, err), (130, b""))
            watch.stdin.write(b"hello\n")
            watch.stdin.close()
            watch.stdin = None
            expected = sorted(f"{i}: {i} got hello" for i in range(tasks))
            for process, lines in ((watch, expected), (run, expected), (one, ["1 got hello"])):
                out, err = process.communicate(timeout=30)
                self.assertEqual(sorted(out.decode().splitlines()), lines, err)
                self.assertEqual(process.returncode, 3 + tasks, err)
            self.run_as("scancel", str(job))

    def test_sattach_says_what_it_cannot_watch(self):
        job = self.c.submit(ALICE, "--mem=0", "-o", "/dev/null", "--wrap", "sleep 99")
        self.c.wait_state(job, "RUNNING")
        for step, said in [
            (f"{job}.batch", f"job {job}: step batch is no srun's; its output is in files"),
            (f"{job}.7", f"job {job} has no step 7"),
            ("99999.0", "job 99999: no such job"),
        ]:
            done = self.run_as("sattach", step)
            self.assertEqual((done.status, done.err), (1, f"sattach: error: {said}\n"))
        self.run_as("scancel", str(job)).ok()


if __name__ == "__main__":
    unittest.main()
