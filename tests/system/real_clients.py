"""Clients of Slurm from Debian's packages, unchanged, against a cluster of gd.

Not among the suites that run by themselves, for the packages they need: `make clients`. In a
job the commands are first those of /run/gd/client: this machine may have real Slurm's, too.
"""

import glob
import os
import pwd
import shutil
import tempfile
import unittest

from client_case import ALICE, slurm_names
from cluster import Cluster

RULES = """
rule all:
    input: "sum.txt"
rule part:
    output: "part{n}.txt"
    resources: mem_mb=500, runtime=5
    threads: 1
    shell: "echo {wildcards.n} $SLURM_JOB_ID > {output}"
rule sum:
    input: expand("part{n}.txt", n=[1, 2, 3])
    output: "sum.txt"
    resources: mem_mb=500, runtime=5
    shell: "cat {input} > {output}"
rule bad:
    output: "never.txt"
    resources: mem_mb=500, runtime=5
    shell: "exit 3"
"""

STATUS = """#!/bin/sh
line=$(sacct -P -b -j "$1" -n | head -n 1)
case $line in
  *COMPLETED*) echo success ;;
  *PENDING*|*RUNNING*|*COMPLETING*|*CONFIGURING*|"") echo running ;;
  *) echo failed ;;
esac
"""

# ClusterShell's own example of a group source.
GROUPS = "/etc/clustershell/groups.conf.d/slurm.conf.example"


class RealClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(nodes=2).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def setUp(self):
        entry = pwd.getpwnam(ALICE)
        self.dir = tempfile.mkdtemp(prefix="real-", dir=entry.pw_dir)
        os.chown(self.dir, entry.pw_uid, entry.pw_gid)
        self.addCleanup(shutil.rmtree, self.dir, True)

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        entry = pwd.getpwnam(ALICE)
        os.chown(path, entry.pw_uid, entry.pw_gid)
        os.chmod(path, 0o755)
        return path

    def sh(self, line, status=0, **env):
        path = f"/run/gd/client:{slurm_names()}:/usr/bin:/bin"
        done = self.c.run(
            ALICE, "/bin/sh", "-c", line, cwd=self.dir, env={"PATH": path, **env}, timeout=300
        )
        self.assertEqual(done.status, status, f"{line}\n{done.out}{done.err}")
        return done

    def read(self, name):
        return self.c.read(os.path.join(self.dir, name))

    def check_sum(self):
        rows = [line.split() for line in self.read("sum.txt").splitlines()]
        self.assertEqual([row[0] for row in rows], ["1", "2", "3"])
        jobs = {int(row[1]) for row in rows}
        self.assertEqual(len(jobs), 3)  # each part was a job of its own
        for job in jobs:
            self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")

    def test_snakemake_submits_by_its_own_slurm_executor(self):
        self.file("Snakefile", RULES)
        line = (
            "snakemake --slurm -j 4 --default-resources slurm_partition=batch "
            "--max-status-checks-per-second 1 --latency-wait 30 --nolock "
        )
        self.sh(line)
        self.check_sum()
        done = self.sh(line + "never.txt", status=1)
        self.assertIn("bad", done.err)

    def test_snakemake_by_a_cluster_command_and_a_status_script(self):
        self.file("Snakefile", RULES)
        status = self.file("status.sh", STATUS)
        os.makedirs(self.dir + "/logs")
        os.chmod(self.dir + "/logs", 0o777)
        line = (
            "snakemake -j 4 --cluster 'sbatch --parsable -J {rule} -o logs/%x-%j.out -t 5 "
            f"-c {{threads}} --mem=100' --cluster-status {status} --cluster-cancel scancel "
            "--max-status-checks-per-second 5 --latency-wait 30 "
        )
        self.sh(line)
        self.check_sum()
        self.assertEqual(len(glob.glob(self.dir + "/logs/part-*.out")), 3)
        self.sh(line + "never.txt", status=1)

    def test_snakemake_by_srun(self):
        self.file("Snakefile", RULES)
        self.sh("snakemake -j 2 --cluster-sync 'srun -c {threads} --mem=100' --latency-wait 30")
        self.check_sum()

    def test_gnu_parallel_in_a_job(self):
        job = self.sh(
            "sbatch --parsable --wait -N 2 -o out.txt --wrap '"
            "scontrol show hostnames $SLURM_JOB_NODELIST >nodes; "
            "parallel -j 2 -k -a nodes echo on {}; "
            "parallel -j 2 -k srun -n 1 echo step {} ::: a b c d'"
        )
        self.assertRegex(job.out, r"^\d+\n")
        self.assertEqual(
            self.read("out.txt").splitlines(),
            ["on n1", "on n2", "step a", "step b", "step c", "step d"],
        )

    def test_nodeset_of_clustershell(self):
        with open(GROUPS) as f:
            self.file("cs/groups.conf.d/slurm.conf", f.read())
        self.file(
            "cs/groups.conf",
            f"[Main]\ndefault: slurmpart\nconfdir: {self.dir}/cs/groups.conf.d\n",
        )
        config = {"CLUSTERSHELL_CFGDIR": self.dir + "/cs"}
        self.assertEqual(self.sh("nodeset -f @batch", **config).out.strip(), "n[1-2]")
        self.assertEqual(self.sh("nodeset -f -a", **config).out.strip(), "n[1-2]")
        self.assertIn("@batch", self.sh("nodeset -l", **config).out)
        self.assertIn("@slurmstate:idle", self.sh("nodeset -l -s slurmstate", **config).out)
        job = self.sh("sbatch --parsable -w n2 -o /dev/null --wrap 'sleep 300'").out.strip()
        self.c.wait_state(int(job), "RUNNING")
        self.assertEqual(self.sh(f"nodeset -f @slurmjob:{job}", **config).out.strip(), "n2")
        self.assertEqual(self.sh(f"nodeset -f @slurmuser:{ALICE}", **config).out.strip(), "n2")
        self.sh(f"scancel {job}")


if __name__ == "__main__":
    unittest.main()
