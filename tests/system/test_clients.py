"""What workflow tools around Slurm type and how they read the answers, one test a client.

The command lines and the parsing are those of the clients' own sources; nothing of them is
installed here.
"""

import os
import re
import shlex
import unittest

from client_case import ALICE, ClientCase
from cluster import wait_until


class Workflows(ClientCase):
    def test_snakemake_slurm(self):
        out = self.sh(
            "sbatch -J rule_a -o .snakemake/slurm_logs/rule_a/%j.log --export=ALL -t 5 "
            "-p batch --mem 100 --cpus-per-task=1 -D " + self.dir + " --wrap='srun -n1 "
            "--cpu-bind=q sh -c \"echo $SLURM_MEM_PER_NODE $SLURM_CPUS_ON_NODE\"'",
            status=None,
        )
        self.assertEqual(self.last.err, "")
        job = out.strip().split()[-1]
        found = self.ends(f"sacct -P -n --format=JobIdRaw,State -j {job}", rf"^{job}\|(\w+)$")
        found = self.ends(
            f"sacct -P -n --format=JobIdRaw,State -j {job}", rf"^{job}\|(COMPLETED|FAILED)$"
        )
        # The folder of the log was not there: Snakemake makes it, this test did not.
        self.assertEqual(found[1], "FAILED")
        shown = self.sh(f"scontrol show jobid -dd {job}")
        self.assertEqual(re.search(r"JobState=(\w+)", shown)[1], "FAILED")
        default = [p for p in self.sh("sinfo -o %P").split() if p.endswith("*")]
        self.assertEqual(default, ["batch*"])
        self.sh(f"sacct -nu {ALICE} -o Account%20")
        self.sh(f"sacctmgr -n -s list user {ALICE} format=account%20")
        self.sh(f"scancel {job}")

    def test_snakemake_cluster_and_its_profiles(self):
        os.makedirs(self.dir + "/logs", exist_ok=True)
        os.chmod(self.dir + "/logs", 0o777)
        script = self.file("snakejob.sh", "#!/bin/sh\nexit 3\n")
        out = self.sh(f"sbatch --parsable -J r -o logs/%x-%j.out -t 5 -c 1 --mem=100 {script}")
        job = out.split("\n")[0]
        found = self.ends(f"sacct -P -b -j {job} -n", rf"^{job}\|(FAILED)\|(\d+):(\d+)$")
        self.assertEqual(found[2], "3")
        self.assertIn("JobState=FAILED", self.sh(f"scontrol -o show job {job}"))
        self.assertTrue(os.path.exists(f"{self.dir}/logs/r-{job}.out"))
        self.sh(f"scancel {job} {job}")
        self.sh("srun sh -c 'exit 5'", status=5)

    def test_snakemake_executor_plugin(self):
        run = "7d9f2c1e-6b"
        job = self.sh(
            f"sbatch --parsable --job-name {run} --output {self.dir}/p.log --export=ALL "
            "--comment rule_a -t 5 --mem 100 --ntasks=1 --cpus-per-task=1 "
            f"-D {self.dir} --wrap=\"true\""
        ).strip()
        self.assertRegex(job, r"^\d+$")
        line = (
            "sacct -X --parsable2 --clusters all --noheader --format=JobIdRaw,State "
            f"--starttime 2024-01-01T00:00 --endtime now --name {run}"
        )
        self.ends(line, rf"^{job}\|COMPLETED$")
        self.assertIn(
            f"{job}|COMPLETED",
            self.sh(f"squeue --format='%i|%T' --states=all --noheader --name {run}"),
        )
        self.assertRegex(self.sh("scontrol show config"), r"MinJobAge\s+= 300 sec")
        self.assertIn("PartitionName=batch", self.sh("scontrol show partition"))
        node = self.sh(f"sacct -j {job} -n -X -o nodelist%-256").strip()
        self.assertRegex(node, r"^n[12]$")
        self.assertEqual(self.sh(f"sacct -j {job} -n -X -P -N 'n[1-2]' -o jobid").strip(), job)
        other = {"n1": "n2", "n2": "n1"}[node]
        self.assertEqual(self.sh(f"sacct -j {job} -n -X -P -N {other} -o jobid"), "")
        self.sh(f"sacct -j {job}.batch --format=Reason --noheader")
        rows = self.sh(
            f"sacct --name={run} --parsable2 --noheader --format=JobID,JobName,Comment,Elapsed,"
            "TotalCPU,NNodes,NCPUS,MaxRSS,ReqMem"
        ).splitlines()
        self.assertEqual(rows[0].split("|")[:3], [job, run, "rule_a"])
        self.assertEqual({len(row.split("|")) for row in rows}, {9})
        many = [self.sh("sbatch --parsable -H --wrap true").strip() for _ in range(3)]
        self.sh(f"scancel {' '.join(many)} --clusters=all")
        for each in many:
            self.ends(f"squeue -h -j {each} -t all -o %T", "CANCELLED")

    def test_toil(self):
        value = "a,b 'c' \"d\""
        export = f"--export=ALL,K={shlex.quote(value)},L='x'"
        out = self.sh(
            f"sbatch -J toil_job_1_x {shlex.quote(export)} --mem=100 --cpus-per-task=1 "
            f"-o {self.dir}/F%jF -e {self.dir}/F%jE --wrap='echo $K; kill -9 $$'"
        )
        job = int(out.strip().split()[-1])
        line = f"sacct -n -j {job},99999 --format JobIDRaw,State,ExitCode -P -S 1970-01-01"
        found = self.ends(line, rf"^{job}\|(FAILED)\|(\d+):(\d+)$")
        self.assertEqual(128 + int(found[3]), 137)
        for row in self.sh("squeue -h --format '%i %t %M'").splitlines():
            self.assertRegex(row, r"^\S+ [A-Z]+ (\d+-)?(\d+:)?\d+:\d+$")
        config = self.sh("scontrol show config")
        self.assertRegex(config, r"(?m)^SchedulerTimeSlice\s+= 30 sec$")
        self.assertRegex(config, r"(?m)^AcctGatherNodeFreq\s+= 0 sec$")
        self.sh("scontrol show job")
        self.sh(f"scancel {job}")

    def test_nextflow(self):
        self.file(
            ".command.run",
            "#!/bin/bash\n#SBATCH -J nf-x\n#SBATCH -o "
            f"{self.dir}/.command.log\n#SBATCH --no-requeue\n#SBATCH --signal B:USR2@30\n"
            "#SBATCH -c 1\n#SBATCH -t 00:05:00\n#SBATCH --mem 100M\n#SBATCH -p batch\n"
            "echo ran\n",
        )
        out = self.sh("sbatch .command.run")
        job = re.match(r"Submitted batch job (\d+)", out)[1]
        line = f"squeue --noheader -o '%i %t' -t all -p batch -u {ALICE}"

        def state():
            rows = dict(row.split() for row in self.sh(line).splitlines())
            return rows.get(job)

        wait_until("Nextflow sees CD", lambda: state() == "CD")
        self.assertEqual(self.read(".command.log"), "ran\n")
        script = self.read(".command.run")
        out = self.sh("sbatch", input=script.replace("-J nf-x", "--array 0-1\n#SBATCH -J nf-a"))
        array = re.match(r"Submitted batch job (\d+)", out)[1]
        wait_until(
            "elements are told as JOB_INDEX",
            lambda: {f"{array}_0", f"{array}_1"}
            <= {row.split()[0] for row in self.sh(line).splitlines()},
        )
        self.sh(f"scancel {array}")

    def test_submitit(self):
        script = self.file(
            "submission.sh",
            "#!/bin/bash\n\n# Parameters\n#SBATCH --array=0-1%1\n#SBATCH --cpus-per-task=1\n"
            "#SBATCH --comment='it'\"'\"'s'\n"
            f"#SBATCH --error={self.dir}/%A_%a_0_log.err\n#SBATCH --job-name=submitit\n"
            "#SBATCH --mem=100MB\n#SBATCH --nodes=1\n#SBATCH --ntasks-per-node=1\n"
            f"#SBATCH --open-mode=append\n#SBATCH --output={self.dir}/%A_%a_0_log.out\n"
            "#SBATCH --partition=batch\n#SBATCH --signal=USR2@90\n#SBATCH --time=5\n"
            "#SBATCH --wckey=submitit\n\nexport SUBMITIT_EXECUTOR=slurm\n"
            "env | grep ^SLURM_ | sort\n",
        )
        out = self.sh(f"sbatch {script}")
        job = re.search(r"job (?P<id>[0-9]+)", out).group("id")
        line = f"sacct -o JobID,State,NodeList --parsable2 -j {job}_0 -j {job}_1"
        self.ends(line, rf"^{job}_1\|COMPLETED\|n\d$")
        header, *rows = self.sh(line).strip().split("\n")
        self.assertEqual(header.split("|"), ["JobID", "State", "NodeList"])
        states = {r.split("|")[0]: r.split("|")[1] for r in rows if "." not in r.split("|")[0]}
        self.assertEqual(states, {f"{job}_0": "COMPLETED", f"{job}_1": "COMPLETED"})
        self.assertIn("submitit", self.sh(f"squeue -t all -h -j {job} -O wckey"))
        self.assertIn(
            "it's", self.sh(f"sacct -X -n -P -j {job} -o Comment,WCKey").replace("|", " ")
        )
        environment = dict(
            row.split("=", 1) for row in self.read(f"{job}_0_0_log.out").splitlines()
        )
        for name in ("JOB_ID", "JOB_NUM_NODES", "NODEID", "JOB_NODELIST", "PROCID", "LOCALID"):
            self.assertIn("SLURM_" + name, environment)
        self.assertEqual(environment["SLURM_ARRAY_JOB_ID"], job)
        self.assertEqual(environment["SLURM_ARRAY_TASK_ID"], "0")
        running = self.sh("sbatch --parsable --wrap 'sleep 300'").strip()
        self.ends(f"squeue -h -j {running} -o %t", "^R$")
        self.sh(f"scontrol requeue {running}")
        self.sh(f"scancel {running} --signal SIGTERM")
        self.sh(f"scancel {running}")

    def test_dask_jobqueue(self):
        script = self.file(
            "dask.sh",
            "#!/usr/bin/env bash\n\n#SBATCH -J dask-worker\n"
            f"#SBATCH -e {self.dir}/d-%J.err\n#SBATCH -o {self.dir}/d-%J.out\n#SBATCH -p batch\n"
            "#SBATCH -n 1\n#SBATCH --cpus-per-task=1\n#SBATCH --mem=100M\n#SBATCH -t 00:30:00\n"
            "echo up; sleep 300\n",
        )
        out = self.sh(f"sbatch {script}")
        job = re.search(r"\d+", out)[0]
        wait_until("the worker runs", lambda: os.path.exists(f"{self.dir}/d-{job}.out"))
        self.sh(f"scancel {job}")
        self.ends(f"squeue -h -t all -j {job} -o %T", "CANCELLED")

    def test_parsl(self):
        script = self.file(
            "parsl.sh",
            "#!/bin/bash\n\n#SBATCH --job-name=parsl.a\n"
            f"#SBATCH --output={self.dir}/parsl.out\n#SBATCH --error={self.dir}/parsl.err\n"
            "#SBATCH --nodes=1\n#SBATCH --time=00:05:00\n#SBATCH --ntasks-per-node=1\n"
            "#SBATCH --mem=1g\n#SBATCH --cpus-per-task=1\necho $SLURM_JOB_NAME\n",
        )
        out = self.sh(f"sbatch {script}")
        job = re.match(r"Submitted batch job (?P<id>\S*)", out).group("id")
        self.sh("sacct -X")
        self.ends(
            f"sacct -X --noheader --format=jobid,state%20 --job '{job},99999'",
            rf"^{job}\s+COMPLETED\s*$",
        )
        self.sh(f"squeue --noheader --format='%i %t' --job '{job},99999'")
        self.sh(f"scancel {job} 99999")
        self.assertEqual(self.read("parsl.out"), "parsl.a\n")

    def test_cromwell(self):
        out = self.sh(
            f"sbatch -J cromwell_1 -D {self.dir} -o {self.dir}/c.out -e {self.dir}/c.err -t 5 "
            f'-p batch -n 1 --mem-per-cpu=100 --wrap "/usr/bin/env bash -c \'sleep 1\'"'
        )
        job = re.match(r"Submitted batch job (\d+).*", out)[1]
        self.sh(f"squeue -j {job}")
        self.sh(f"scancel {job}")
        self.sh("squeue -j 99999", status=1)
        self.assertIn("Invalid job id specified", self.last.err)
        self.sh("sbatch --wait -o /dev/null --wrap 'exit 4'", status=4)

    def test_galaxy_and_pulsar(self):
        script = self.file(
            "galaxy.sh",
            f"#!/bin/sh\n#SBATCH -o {self.dir}/g.out\n#SBATCH -e {self.dir}/g.err\n"
            "#SBATCH -J g1\n#SBATCH -t 5\n#SBATCH -c 1\n#SBATCH -p batch\ntrue\n",
        )
        job = self.sh(f"sbatch {script}").split()[-1]
        for line in ("squeue -a -o '%A %t'", f"squeue -a -o '%A %t' -j {job}"):
            header, *rows = self.sh(line).splitlines()
            self.assertEqual(header, "JOBID ST")
            for row in rows:
                self.assertEqual(len(row.split()), 2)
        found = self.ends(f"sacct -o JobIDRaw,State -P -n -j {job}", rf"^{job}\|(COMPLETED)")
        self.assertEqual(found[1], "COMPLETED")
        held = self.sh("sbatch -H -o /dev/null --wrap true").split()[-1]
        self.sh(f"scancel {held}")
        found = self.ends(f"sacct -o JobIDRaw,State -P -n -j {held}", rf"^{held}\|(CANCELLED.*)$")
        self.assertEqual(found[1].split(" ")[0], "CANCELLED")
        self.assertRegex(found[1], r"^CANCELLED by \d+$")

    def test_batchtools(self):
        script = self.file(
            "batchtools.sh",
            "#!/bin/bash\n\n\n\n#SBATCH --job-name=bt\n"
            f"#SBATCH --output={self.dir}/bt_%a.log\n#SBATCH --error={self.dir}/bt_%a.log\n"
            "#SBATCH --time=5\n#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=1\n"
            "#SBATCH --mem-per-cpu=100\n#SBATCH --partition='batch'\n#SBATCH --array=1-2\n"
            "echo $SLURM_ARRAY_TASK_ID\n",
        )
        out = self.sh(f"sbatch '{script}'")
        job = out.splitlines()[0].split(" ")[3]
        wait_until("its elements have run", lambda: os.path.exists(f"{self.dir}/bt_2.log"))
        wait_until("it has written", lambda: self.read("bt_2.log") == "2\n")
        queued = f"squeue --user={ALICE} --states=PD,CF,RF,RH,RQ,SE --noheader --format=%i -r"
        self.sh(queued)
        wait_until(
            "it has left",
            lambda: f"{job}_1"
            not in self.sh(
                f"squeue --user={ALICE} --states=R,S,CG,RS,SI,SO,ST --noheader --format=%i"
            ),
        )


if __name__ == "__main__":
    unittest.main()
