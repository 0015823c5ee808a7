"""Errors and exit codes of all names, without a controller: one line that names the thing;
Slurm's codes and texts under Slurm's names."""
import os
import subprocess
import tempfile
import unittest

from support import COMMANDS, GD, SLURM, run

# command line, exit code, standard error
CASES = [
    (["gdsub", "--tme=3"], 2, "gdsub: unknown option '--tme'; did you mean '--time'?\n"),
    (["gdsub", "--time=soon", "x"], 2, "gdsub: --time=soon: "),
    (["gdsub", "/nonexistent/job.sh"], 1,
     "gdsub: open /nonexistent/job.sh: No such file or directory\n"),
    (["gdsub", "--switches=1"], 2, "gdsub: option '--switches' is not supported by gd 0.1.0\n"),
    (["gdsub", "--wrap=true", "x"], 2, "gdsub: --wrap and a script exclude each other\n"),
    (["gdkill"], 2,
     "gdkill: no jobs given; name job ids, or use --me, --user, --name or --state\n"),
    (["gdkill", "abc"], 2, "gdkill: invalid job id abc\n"),
    (["gdstat", "-t", "runing"], 2,
     "gdstat: invalid job state specified: 'runing'; did you mean 'running'?\n"),
    (["gdstat", "-o", "%i %3"], 2, "gdstat: format '%i %3': a letter is missing after '%3'\n"),
    (["gdctl"], 2,
     "gdctl: say what to do: show, hold, release, update, drain, resume, node, key, ping ...\n"),
    (["gdctl", "relaese", "1"], 2, "gdctl: unknown command 'relaese'; did you mean 'release'?\n"),
    (["gdctl", "show", "jbo"], 2, "gdctl: cannot show 'jbo'; did you mean 'job'?\n"),
    (["gdctl", "drain", "n1"], 2, "gdctl: a reason is needed: gdctl drain n1 REASON\n"),
    (["gdrun"], 2, "gdrun: no command given\n"),
    (["gdrun", "--pty", "-n", "2", "true"], 2,
     "gdrun: --ntasks=2: --pty gives one terminal to one task\n"),
    (["gdrun", "-o", "3", "true"], 2,
     "gdrun: --output=3: there is no such task, the step has 1, counted from 0; a file of that name"
     " is ./3\n"),
    (["gdrun", "--pty", "-l", "true"], 2,
     "gdrun: --pty gives the command one terminal; --input, --output, --error and --label do not"
     " go with it\n"),
    (["gdctl", "create", "reservation", "starttime=now", "duration=1", "nodes=ALL", "users=ann",
      "flags=overlap"], 2,
     "gdctl: flags=overlap: 'overlap' is not one of MAINT, IGNORE_JOBS, DAILY, WEEKLY\n"),
    (["gdsh"], 1, "gdsh: standard input is no terminal; use gdrun to run a command without one\n"),
    (["gdacct", "-o", "JobID,Stat"], 2,
     "gdacct: unknown field 'Stat' in the format; did you mean 'state'?\n"),
    (["gdsim"], 2, "gdsim: name one trace or scenario; - reads from a pipe\n"),
    (["gdsim", "--depth=3", "--policy=fifo", "x"], 2,
     "gdsim: --depth: under --policy=fifo nobody is promised a start\n"),
    (["gdsim", "/nonexistent/x"], 1, "gdsim: open /nonexistent/x: No such file or directory\n"),
    (["gd", "stta"], 2, "gd: unknown command 'stta'; did you mean 'stat'?\n"),
    (["sbatch", "--nonsense"], 255,
     "sbatch: unrecognized option '--nonsense'\nTry \"sbatch --help\" for more information\n"),
    (["sbatch", "--time=soon", "x"], 255, "sbatch: error: Invalid --time specification\n"),
    (["srun"], 255, "srun: error: no command given\n"),
    (["squeue", "--nonsense"], 1,
     "squeue: unrecognized option '--nonsense'\nTry \"squeue --help\" for more information\n"),
    (["scancel"], 1, "scancel: error: No job identification provided\n"),
    (["scancel", "abc"], 1, "scancel: error: invalid job id abc\n"),
    (["scrontab", "-l", "-e"], 1, "scrontab: error: -e, -l and -r exclude each other\n"),
    (["scrontab", "/nonexistent/crontab"], 1,
     "scrontab: error: open /nonexistent/crontab: No such file or directory\n"),
    (["sbcast"], 1, "Need two file names, have 0 names\n"
     "Try \"sbcast --help\" for more information\n"),
    (["sbcast", "-f", "a", "b"], 1, "sbcast: error: Need a job id to run this command.  Run from "
     "within a Slurm job or use the --jobid option.\n"),
    (["sbcast", "--send-libs", "a", "b"], 1,
     "sbcast: error: option '--send-libs' is not supported by gd 0.1.0\n"),
    (["sbcast", "-j", "1", "/nonexistent", "b"], 1,
     "sbcast: error: Can't open `/nonexistent`: No such file or directory\n"),
    (["sattach"], 1, "sattach: error: name one step: JOB.STEP\n"),
    (["sattach", "1"], 1, "sattach: error: '1' names no step; write JOB.STEP\n"),
    (["sattach", "1.x"], 1, "sattach: error: invalid job id 1.x\n"),
    (["strigger"], 1, "strigger: not supported by gd 0.1.0\n"),
    (["sreport", "cluster", "bogus"], 1, "Not valid report bogus\nValid cluster reports are, "
     "\"AccountUtilizationByUser\", \"UserUtilizationByAccount\", and \"Utilization\"\n"),
]


class Errors(unittest.TestCase):
    def test_cases(self):
        for argv, code, text in CASES:
            with self.subTest(argv=argv):
                done = run(*argv)
                self.assertEqual(done.returncode, code, done.stderr)
                if text.endswith("\n"):
                    self.assertEqual(done.stderr, text)
                else:
                    self.assertTrue(done.stderr.startswith(text), done.stderr)
                self.assertEqual(done.stdout, "")

    def test_an_error_is_no_help_page(self):
        for argv, _, _ in CASES:
            self.assertLessEqual(run(*argv).stderr.count("\n"), 2, argv)

    def test_help_and_version_of_every_name(self):
        for name in COMMANDS:
            done = run(name, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.assertTrue(done.stdout.startswith(f"Usage: {name} "), done.stdout)
            self.assertIn(name, run(name, "--version").stdout)

    def test_the_short_form(self):
        self.assertEqual(run("gd", "sub", "--version").stdout, run("gdsub", "--version").stdout)

    def test_without_a_key_the_error_says_what_to_do(self):
        done = run("gdstat")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^gdstat: not logged in to cluster \w+: run gdlogin\n$")

    def test_slurm_names_that_are_not_served_say_so(self):
        for name in ("strigger",):
            self.assertIn(name, SLURM)
            self.assertEqual(run(name).returncode, 1)

    def test_a_reader_that_has_gone_is_no_failure(self):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.Popen(["gdsub", "--help"], executable=GD, stdout=write,
                                stderr=subprocess.PIPE)
        os.close(write)
        self.assertEqual(done.communicate(timeout=30)[1], b"")
        self.assertIn(done.returncode, (141, -13))

    def test_hostnames_need_no_cluster(self):
        self.assertEqual(run("scontrol", "show", "hostnames", "n[1-3]").stdout, "n1\nn2\nn3\n")
        self.assertEqual(run("gdctl", "show", "hostlist", "n1,n2,n3").stdout, "n[1-3]\n")
        done = run("gdctl", "show", "hostnames", env={"SLURM_JOB_NODELIST": "a,b"})
        self.assertEqual(done.stdout, "a\nb\n")


class Scripts(unittest.TestCase):
    def submit(self, text, *args):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "job.sh")
            with open(path, "w", encoding="utf-8") as script:
                script.write(text)
            done = run("gdsub", *args, "job.sh", cwd=folder)
            return done.returncode, done.stderr

    def test_a_wrong_line_is_named(self):
        self.assertEqual(self.submit("#!/bin/sh\n#SBATCH -c none\n"),
                         (2, "gdsub: job.sh:2: --cpus-per-task=none: "
                             "'none' is not a whole number\n"))
        self.assertEqual(self.submit("echo\n")[0], 1)


if __name__ == "__main__":
    unittest.main()
