"""What running jobs use, while they run and after: gdstat --live, sstat, gdtop on a real
terminal (tmux), and the peaks and the series that stay with a finished job."""

import json
import os
import pwd
import re
import shutil
import tempfile
import unittest

from client_case import slurm_names
from cluster import Cluster, USERS, wait_until
from tmux import Tmux

ALICE, BOB = USERS

# Holds 80 MiB and one cpu's time until the file `stop` is there.
BUSY = """#!/usr/bin/python3
import os, time
held = bytearray(80 << 20)
for page in range(0, len(held), 4096):
    held[page] = 1
while not os.path.exists("stop"):
    pass
"""


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(
            nodes=2, config="heartbeat = 1s\n", node_config="sample_interval = 1s\n"
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def setUp(self):
        home = pwd.getpwnam(ALICE)
        self.dir = tempfile.mkdtemp(prefix="live-", dir=home.pw_dir)
        os.chown(self.dir, home.pw_uid, home.pw_gid)
        self.addCleanup(shutil.rmtree, self.dir, True)

    def busy(self, *options):
        return self.c.submit(
            ALICE, "-o", "/dev/null", "--mem=400M", *options, script=BUSY, cwd=self.dir
        )

    def stop(self):
        with open(os.path.join(self.dir, "stop"), "w"):
            pass

    def live(self, job):
        """The row of a job in gdstat --live, by heading, once it has figures."""

        def row():
            lines = self.c.run(BOB, "gdstat", "--live").ok().out.splitlines()
            names = lines[0].replace("*", "").split()
            for line in lines[1:]:
                values = dict(zip(names, line.split()))
                if values["JOB"] == str(job) and values["CPU%"] != "-":
                    return values
            return None

        return wait_until(f"figures of job {job}", row)

    def slurm(self, *argv):
        return self.c.run(ALICE, *argv, env={"PATH": slurm_names() + ":/usr/bin:/bin"})

    def test_a_running_jobs_figures_and_what_stays_of_them(self):
        job = self.busy("-J", "burner")
        wait_until("it is warm", lambda: int(self.live(job)["CPU%"]) >= 15, 30)
        row = self.live(job)
        self.assertEqual((row["USER"], row["NAME"], row["LIMIT"]), (ALICE, "burner", "400M"))
        memory = float(row["MEM"].rstrip("M"))
        self.assertTrue(80 <= memory < 300, row)
        self.assertGreaterEqual(float(row["PEAK"].rstrip("M")), memory)
        self.assertIn(row["PROCS"], ("1", "2", "3"))
        shown = self.c.run(BOB, "gdctl", "show", "job", str(job)).ok().out
        self.assertRegex(shown, r"UsedCPU=\d\d:\d\d\.\d{3} MemoryPeak=[0-9.]+M ProcessesPeak=\d")
        self.assertRegex(shown, r"CPUNow=\d+% MemoryNow=[0-9.]+M ProcessesNow=\d")
        self.assertGreater(self.c.job(job)["now"]["cpu_milli"], 0)
        wait_until("it ran a while", lambda: self.c.job(job)["elapsed_seconds"] >= 4)
        self.stop()
        record = self.c.wait_end(job)
        self.assertEqual(record["state"], "COMPLETED")
        self.assertNotIn("now", record)
        series = record["series"]
        self.assertEqual(series["spacing_seconds"], 1)
        self.assertGreaterEqual(len(series["cpu_milli"]), 2)
        self.assertEqual(len(series["cpu_milli"]), len(series["memory_mib"]))
        self.assertGreaterEqual(max(series["memory_mib"]), 80)
        self.assertGreaterEqual(record["memory_peak_mib"], max(series["memory_mib"]))
        self.assertRegex(
            self.c.run(BOB, "gdctl", "show", "job", str(job)).ok().out,
            "SeriesSpacing=1s\n   SeriesCPU=[▁▂▃▄▅▆▇█]{2,},max=[0-9]+%\n   SeriesMemory=",
        )
        out = self.slurm("sacct", "-nPj", f"{job}", "-o", "JobID,MaxRSS,AveCPU,MaxRSSNode").ok().out
        batch = re.search(rf"^{job}\.batch\|(\d+)K\|(\d\d):(\d\d)\.\d+\|n[12]$", out, re.M)
        self.assertTrue(batch, out)
        self.assertGreaterEqual(int(batch[1]), 80 << 10)
        self.assertGreater(int(batch[2]) * 60 + int(batch[3]), 0)
        efficiency = self.slurm("seff", str(job)).ok().out
        self.assertRegex(efficiency, r"Memory Utilized: [0-9.]+ MB\nMemory Efficiency: [2-9]\d\.")

    def test_sstat_shows_running_steps_and_names_what_it_cannot(self):
        job = self.busy()
        self.live(job)
        fields = "JobID,NTasks,AveCPU,MaxRSS,MaxRSSNode,MaxVMSize,TRESUsageInTot"
        out = self.slurm("sstat", "-nPj", str(job), "-o", fields).ok().out
        self.assertRegex(
            out,
            rf"^{job}\.batch\|1\|\d\d:\d\d\.\d{{3}}\|[0-9.]+M\|n[12]\|\|"
            r"cpu=00:00:\d\d(,fs/disk=\d+)?,mem=[0-9.]+M\n$",
        )
        both = self.slurm("sstat", "-anPj", f"{job},{job}.batch", "--format=jobid").ok().out
        self.assertEqual(both, f"{job}.batch\n" * 2)
        parsable = self.slurm("sstat", "-pj", f"{job}.batch", "-o", "jobid").ok().out
        self.assertEqual(parsable, f"JobID|\n{job}.batch|\n")
        table = self.slurm("sstat", "-j", str(job)).ok().out.splitlines()
        self.assertEqual([len(table), len(table[0])], [3, len(table[1])])
        self.stop()
        self.c.wait_end(job)
        gone = self.slurm("sstat", "-nj", str(job)).ok()
        self.assertEqual(
            (gone.out, gone.err), ("", f"sstat: error: couldn't get steps for job {job}\n")
        )
        for argv, text in [
            ([], "sstat: error: You didn't give me any jobs to stat.\n"),
            (["-j", "1", "-o", "foo"], 'sstat: error: Invalid field requested: "foo"\n'),
        ]:
            refused = self.slurm("sstat", *argv)
            self.assertEqual((refused.status, refused.err), (1, text))
        self.assertIn("AveDiskWrite", self.slurm("sstat", "--helpformat").ok().out)


class Screen(unittest.TestCase):
    """gdtop in a tmux of its own, typed at as by a person."""

    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(
            nodes=2, config="heartbeat = 1s\n", node_config="sample_interval = 1s\n"
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def setUp(self):
        self.terminal = Tmux(self.c, ALICE)
        self.addCleanup(self.terminal.close)
        self.keys, self.see = self.terminal.keys, self.terminal.see
        self.screen = self.terminal.screen

    def rows(self):
        return [line.split()[0] for line in self.screen().splitlines()[3:] if line.strip()]

    def test_start_sort_filter_resize_and_leave(self):
        jobs = [
            self.c.submit(user, "-o", "/dev/null", "--mem=50M", "--wrap", "sleep 300")
            for user in (ALICE, ALICE, BOB)
        ]
        a, b, c = map(str, jobs)
        for job in jobs:
            wait_until("it runs", lambda: self.c.state(job) == "RUNNING")
        self.keys("stty -a > before; echo un''touched", "Enter")
        self.see("^untouched")
        self.keys("gdtop -d 1", "Enter")
        self.see(r"^gd t\w+  nodes 2/2 up  cpus 3/\d+ held  jobs 3  cpu ")
        self.see(r"^JOB +USER +NAME +S +TIME +CPUS +CPU%\* ")
        self.see(rf"^{c} +{BOB} .* +\d+(\.\d+)?M +[0-9.]+M +50M ")
        self.assertNotIn("untouched", self.screen())
        self.keys("j")
        self.see(r"^jobs by job ")
        self.assertEqual(self.rows(), [a, b, c])
        self.keys("r")
        self.see(r"^jobs by job, reversed")
        self.assertEqual(self.rows(), [c, b, a])
        self.keys("Right")
        self.see(r"^jobs by user ")
        self.keys("u")
        self.see(r"^user \(empty: all\): _")
        self.keys(BOB, "Enter")
        self.see(rf"^jobs by user, of {BOB}")
        self.assertEqual(self.rows(), [c])
        self.keys("u", *["BSpace"] * len(BOB), "Enter")
        self.keys("?")
        self.see("any key goes back")
        self.keys("x", "Tab")
        self.see(r"^NODE\* +STATE +JOBS ")
        self.assertEqual(self.rows(), ["n1", "n2"])
        self.keys("Tab", "j")
        self.see(r"^jobs by job ")
        self.terminal.resize(40, 5)
        self.see(rf"^{b} ")
        lines = self.screen().splitlines()
        self.assertEqual((len(lines), self.rows()), (5, [a, b]))
        self.assertTrue(all(len(line) <= 40 for line in lines), lines)
        self.keys("End")
        self.see(rf"^{c} ")
        self.assertEqual(self.rows(), [b, c])
        self.terminal.resize(120, 24)
        self.see(rf"^{a} +{ALICE} ")
        self.c.admin("gdkill", a).ok()
        wait_until("it is gone from the screen", lambda: self.rows() == [b, c])
        self.keys("q")
        self.see("^untouched")
        self.assertNotIn("jobs by", self.screen())
        self.keys("stty -a > after; cmp before after && echo as be''fore", "Enter")
        self.see("^as before")

    def test_a_controller_that_is_gone_is_told_and_a_signal_restores_the_screen(self):
        self.keys("echo un''touched; gdtop -d 1; echo status $?", "Enter")
        self.see(r"nodes 2/2 up")
        self.c.controller.stop()
        self.see(r"; what is shown is old")
        self.c.controller.start()
        self.see(r"^jobs by cpu ")
        self.keys("C-c")
        self.see("^untouched")
        self.keys("stty -a | grep -o ' icanon'; stty -a | grep -o ' echo '", "Enter")
        self.see("^ icanon\n echo")

    def test_no_terminal_is_told(self):
        refused = self.c.run(ALICE, "gdtop")
        self.assertEqual(refused.status, 1)
        self.assertEqual(
            refused.err,
            "gdtop: this is no terminal; gdstat --live prints the jobs once for a file or a pipe\n",
        )


if __name__ == "__main__":
    unittest.main()
