"""gdsim from its command line: figures, files, pipes, refusals."""
import gzip
import json
import os
import tempfile
import unittest
import xml.etree.ElementTree

from support import SOURCE, run

DATA = os.path.join(SOURCE, "tests", "unit", "gdsim", "data")
TRACE = os.path.join(DATA, "mixed.swf")


class Gdsim(unittest.TestCase):
    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run("gdsim", "--policy=easy", "--order=fcfs", "--json", "-o", "waits",
                       "--plot=a.svg", TRACE, cwd=folder)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            figures = json.loads(done.stdout)
            self.assertEqual((figures["jobs"], figures["procs"]), (390, 24))
            with open(os.path.join(folder, "waits"), encoding="utf-8") as waits:
                ours = waits.read()
            with open(os.path.join(DATA, "mixed.easy.txt"), encoding="utf-8") as known:
                self.assertEqual(ours, known.read())
            mean = sum(int(line.split()[2]) for line in ours.splitlines()) / 390
            self.assertAlmostEqual(figures["mean_wait_s"], mean, delta=0.05)
            picture = xml.etree.ElementTree.parse(os.path.join(folder, "a.svg")).getroot()
            self.assertTrue(picture.tag.endswith("svg"))

    def test_a_compressed_trace_on_other_nodes(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(TRACE, "rb") as trace, gzip.open(os.path.join(folder, "t.gz"), "wb") as out:
                out.write(trace.read())
            one = run("gdsim", "--json", "t.gz", cwd=folder)
            self.assertEqual(one.stdout, run("gdsim", "--json", TRACE).stdout)
            other = json.loads(run("gdsim", "--json", "-N", "6x8", "t.gz", cwd=folder).stdout)
            self.assertEqual(other["procs"], 48)
            self.assertLess(other["mean_wait_s"], json.loads(one.stdout)["mean_wait_s"])

    def test_a_scenario_from_a_pipe(self):
        with tempfile.TemporaryFile("w+", encoding="utf-8") as scenario:
            scenario.write("node 1\nqueue 1 run=10\nqueue 2 run=5\n")
            scenario.seek(0)
            done = run("gdsim", "--schedule", "-", stdin=scenario)
        self.assertEqual((done.stdout, done.stderr), ("0 start 1 n1\n10 start 2 n1\n", ""))

    def test_what_a_scenario_expects_is_checked(self):
        text = "node 1\nqueue 1 run=10\nqueue 2 run=5\nexpect 1 start=0 end=10\n"
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "queue.txt")
            for expected, errors in [
                    ("start=10 on=n1", ""),
                    ("start=9 on=n1", "job 2: start=9 on=n1 expected, start=10 on=n1 found\n"
                     "gdsim: 1 of 2 jobs went another way than is expected of them\n")]:
                with open(path, "w", encoding="utf-8") as out:
                    out.write(text + "expect 2 " + expected + "\n")
                done = run("gdsim", "--schedule", path)
                self.assertEqual((done.returncode, done.stderr), (1 if errors else 0, errors))
                self.assertEqual(done.stdout, "0 start 1 n1\n10 start 2 n1\n")

    def test_refusals_name_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            for text, error in [
                    ("1 2 3\n", "gdsim: bad: line 1: 3 numbers, 9 are needed for a job\n"),
                    ("1 0 -1 5 1 -1 -1 1 9\n",
                     "gdsim: bad: its head does not give MaxProcs; give --nodes\n"),
                    ("node 1\nqueu 1\n",
                     "gdsim: bad: line 2: unknown kind 'queu'; did you mean 'queue'?\n")]:
                with open(os.path.join(folder, "bad"), "w", encoding="utf-8") as out:
                    out.write(text)
                done = run("gdsim", "bad", cwd=folder)
                self.assertEqual((done.returncode, done.stderr), (1, error))
            with open(os.path.join(folder, "bad"), "w", encoding="utf-8") as out:
                out.write("node 1\n")
            done = run("gdsim", "-N", "3x4", "bad", cwd=folder)
            self.assertEqual((done.returncode, done.stderr),
                             (2, "gdsim: --nodes: a scenario has its own nodes\n"))


if __name__ == "__main__":
    unittest.main()
