"""What portals, exporters and views around Slurm type and how they read the answers.

As test_clients.py, for those that look more than they submit; and mail, deadlines and tests of
a submission, which several clients may ask for.
"""

import glob
import json
import os
import pwd
import re
import unittest

from client_case import ALICE, ClientCase
from cluster import wait_until

MARK = "\x1f"

# Open OnDemand's squeue fields, in its order.
OOD_FIELDS = """
Account JobID BatchHost MinCpus NumCPUs MinTmpDisk NumNodes EndTime Dependency Feature
ArrayJobID GroupName GroupID OverSubscribe Sockets JobArrayID Cores Name Threads Comment
ArrayTaskID TimeLimit TimeLeft MinMemory TimeUsed ReqNodes NodeList Command Contiguous QOS
Partition PriorityLong Reason StartTime StateCompact State UserName UserID Reservation
SubmitTime WCKey Licenses ExcNodes CoreSpec Nice SchedNodes SCT WorkDir tres-alloc tres-per-node
""".split()


class Portals(ClientCase):
    def test_batchspawner(self):
        profile = os.path.join(pwd.getpwnam(ALICE).pw_dir, ".profile")
        kept = self.c.read(profile) if os.path.exists(profile) else None
        try:
            with open(profile, "w") as f:
                f.write("echo a word of welcome\nexport FROM_PROFILE=yes GIVEN=profile\n")
            out = self.sh(
                "sbatch --parsable",
                input="#!/bin/bash\n#SBATCH --output=" + self.dir + "/spawned.log\n"
                "#SBATCH --job-name=spawner-jupyterhub\n#SBATCH --chdir=" + self.dir + "\n"
                "#SBATCH --export=GIVEN,PATH\n#SBATCH --get-user-env=L\n#SBATCH --partition=batch\n"
                "#SBATCH --time=0:30:00\n#SBATCH --mem=100M\n#SBATCH --cpus-per-task=1\n"
                "echo $FROM_PROFILE $GIVEN; sleep 300\n",
                env={"GIVEN": "hub"},
            )
        finally:
            if kept is None:
                os.unlink(profile)
            else:
                with open(profile, "w") as f:
                    f.write(kept)
        job = out.strip().split("\n")[-1].split(";")[0]
        line = f"squeue -h -j {job} -o '%T %B'"
        found = self.ends(line, r"^(?:RUNNING|COMPLETING) (\S+)$")
        self.assertIn(found[1], self.c.names)
        wait_until("it has written", lambda: "hub" in self.read("spawned.log"))
        self.assertEqual(self.read("spawned.log"), "yes hub\n")
        self.sh(f"scancel {job}")

    def test_open_ondemand(self):
        out = self.sh(
            f"sbatch -D {self.dir} -J sys/dashboard -o {self.dir}/ood.out -p batch -t 00:05:00 "
            "-c 1 -H --no-requeue --mail-type NONE --export NONE --parsable",
            input="#!/bin/sh\ntrue\n",
        )
        job = out.strip().split(";")[0]
        fields = ",".join(f"{name}:{MARK}" for name in OOD_FIELDS)
        out = self.sh(f"squeue --all --states=all --noconvert -O {fields} -u {ALICE} -j {job}")
        header, row = out.splitlines()
        for line in (header, row):
            self.assertTrue(line.endswith(MARK), repr(line))
            self.assertEqual(len(line.split(MARK)), len(OOD_FIELDS) + 1)
        info = dict(zip(OOD_FIELDS, row.split(MARK)))
        self.assertEqual(info["JobID"], job)
        self.assertEqual(info["StateCompact"], "PD")
        cluster = re.search(r"ClusterName\s+= (\S+)", self.sh("scontrol show config"))[1]
        self.assertEqual(
            self.sh(f"sbatch -M {cluster} --parsable -H --wrap true").strip().split(";")[1],
            cluster,
        )
        self.sh("sbatch -M elsewhere --wrap true", status=1)
        self.assertIn("invalid entry for --cluster", self.last.err)
        self.sh(f"scontrol release {job}")
        line = (
            f"sacct -P --delimiter {MARK} -n --units G --allocations -o User,Group,JobId,JobName,"
            "Elapsed,ReqMem,AllocCPUS,ReqCPUS,Timelimit,State,TotalCPU,MaxRSS,Partition,Submit,"
            f"Start,End,ReqTRES -j {job}"
        )
        self.ends(line, "COMPLETED")
        self.assertEqual(len(self.sh(line).strip("\n").split(MARK)), 17)
        for entry in self.sh("scontrol show part -o").splitlines():
            for token in entry.split():
                self.assertRegex(token, r"^[^=]+=.+$")
        self.assertRegex(self.sh("sinfo -aho %F/%C"), r"^\d+/\d+/\d+/\d+/\d+/\d+/\d+/\d+\n$")
        for row in self.sh("sinfo -ahNO nodehost:100,gres:512,gresused:512,statelong").splitlines():
            self.assertIn(row[:100].strip(), self.c.names)
        self.assertEqual(len(self.sh("sinfo -ho '\x1e%c\x1f%n\x1f%f'").split("\x1e")), 3)
        self.sh(
            f"sacctmgr -nP show users withassoc format=account,qos where user={ALICE} "
            f"cluster={cluster}"
        )
        self.sh("scancel --me -t PENDING")

    def test_reportseff(self):
        job = self.sh("sbatch --parsable --mem=100M -o /dev/null --wrap true").strip()
        self.ends(f"sacct -X -n -j {job} -o State", "COMPLETED")
        known = self.sh("sacct --helpformat").split()
        wanted = "JobID State Elapsed JobIDRaw NNodes AllocCPUS REQMEM TotalCPU MaxRSS Timelimit"
        for field in wanted.split() + ["AdminComment"]:
            self.assertIn(field.lower(), [name.lower() for name in known])
        out = self.sh(
            "sacct --parsable -n --delimiter='^|^' "
            f"--format={','.join(wanted.split())},AdminComment --jobs={job}"
        )
        for row in out.splitlines():
            self.assertTrue(row.endswith("^|^"), row)
            self.assertEqual(len(row.split("^|^")), 12)
        self.sh(f"sacct --parsable -n --user={ALICE} --starttime=010126 --format=JobID,State")
        text = self.sh(f"seff {job}")
        self.assertRegex(text, rf"(?m)^Job ID: {job}$")
        self.assertRegex(text, r"(?m)^State: COMPLETED \(exit code 0\)$")
        self.assertRegex(text, r"(?m)^CPU Efficiency: \d+\.\d\d% of \d\d:\d\d:\d\d core-walltime$")
        self.assertRegex(text, r"(?m)^Memory Efficiency: \d+\.\d\d% of 100\.00 MB")

    def test_clustershell_nodeset(self):
        self.assertEqual(self.sh('sinfo -h -o "%N"').strip(), "n[1-2]")
        self.assertEqual(self.sh('sinfo -h -o "%N" -p batch').strip(), "n[1-2]")
        self.assertEqual(self.sh('sinfo -h -o "%R"').strip(), "batch")
        self.assertEqual(self.sh('sinfo -h -N -o "%R" -n n1').strip(), "batch")
        self.sh('sinfo -h -o "%T"')
        job = self.sh("sbatch --parsable -w n2 -o /dev/null --wrap 'sleep 300'").strip()
        self.ends('squeue -h -o "%i" -t R', rf"^{job}$")
        self.assertEqual(self.sh(f'squeue -h -j {job} -o "%N"').strip(), "n2")
        self.assertIn(job, self.sh('squeue -h -w n2 -o "%i"').split())
        self.assertEqual(self.sh(f'squeue -h -u {ALICE} -o "%N" -t R').split(), ["n2"])
        self.sh(f"scancel {job}")

    def test_prometheus_exporters(self):
        held = self.sh("sbatch --parsable -H -o /dev/null --wrap true").strip()
        self.assertIn(f" {held}|{ALICE}|PENDING|1", self.sh('squeue -a -r -h "-o %A|%u|%T|%C"'))
        self.sh('squeue -a -r -h "-o %A|%a|%T|%C"')
        self.sh('squeue -a -r -h "-o %A,%T,%r" --states=all')
        self.assertIn("batch", self.sh("squeue -a -r -h -o%P --states=PENDING"))
        self.assertRegex(self.sh('sinfo -h "-o %C"').strip(), r"^\d+/\d+/\d+/\d+$")
        self.sh('sinfo -h "-o %D,%T"')
        self.assertRegex(self.sh("sinfo -h -o%R,%C").strip(), r"^batch,\d+/\d+/\d+/\d+$")
        for row in self.sh(
            "sinfo -h -N -O NodeList,AllocMem,Memory,CPUsState,StateLong"
        ).splitlines():
            self.assertEqual(len(row.split()), 5, row)
        self.sh("sacct -a -X --format=Allocgres --state=RUNNING --noheader --parsable2")
        text = self.sh("sdiag")
        values = {}
        for label in ("Server thread count", "Agent queue size", "DBD Agent queue size"):
            values[label] = int(re.search(rf"(?m)^{label}:\s+(\d+)$", text)[1])
        for label in ("Last cycle", "Mean cycle"):
            self.assertEqual(len(re.findall(rf"(?m)^\s*{label}:\s+\d+$", text)), 2, label)
        self.assertRegex(text, r"(?m)^\s*Cycles per minute:\s+\d+$")
        self.assertRegex(text, r"(?m)^\s*Depth Mean:\s+\d+$")
        self.assertRegex(
            text, r"(?m)^\t\S+\s+\(\s*\d+\) count:\d+\s+ave_time:\d+\s+total_time:\d+$"
        )
        self.assertGreater(values["Server thread count"], 0)
        # and the other exporter's documents
        jobs = json.loads(self.sh("squeue --json"))
        self.assertEqual(jobs["meta"]["Slurm"]["version"]["major"], 22)
        self.assertEqual(jobs["errors"], [])
        mine = {job["job_id"]: job for job in jobs["jobs"]}[int(held)]
        for key in (
            "name user_name partition account job_state cpus features start_time end_time "
            "job_resources state_reason"
        ).split():
            self.assertIn(key, mine)
        nodes = json.loads(self.sh("sinfo --json"))["nodes"]
        for key in (
            "name hostname state cpus alloc_cpus idle_cpus real_memory alloc_memory free_memory "
            "cpu_load partitions weight"
        ).split():
            self.assertIn(key, nodes[0])
        statistics = json.loads(self.sh("sdiag --json"))["statistics"]
        for key in ("server_thread_count", "schedule_cycle_last", "bf_depth_mean", "rpcs_by_user"):
            self.assertIn(key, statistics)
        self.sh(
            "sacctmgr show assoc format=User,Account,GrpCPU,GrpMem,GrpJobs,GrpSubmit --noheader "
            "--parsable2"
        )
        self.assertEqual(json.loads(self.sh("scontrol show lic --json"))["licenses"], [])
        self.assertIn(held, self.sh("squeue -h -q normal -o %i").split())
        self.assertEqual(self.sh("squeue -h -A nosuch -o %i"), "")
        self.sh(f"scancel {held}")

    def test_turm(self):
        held = self.sh("sbatch --parsable -H -J turm -o %x-%j.out --wrap true").strip()
        names = (
            "jobid name state username timeused StartTime tres-alloc partition nodelist stdout "
            "stderr command statecompact reason ArrayJobID ArrayTaskID NodeList WorkDir"
        ).split()
        fields = ",".join(f"{name}:###turm###" for name in names)
        rows = self.sh(f'squeue -j {held} --array --noheader --Format "{fields}"').splitlines()
        parts = rows[0].split("###turm###")
        self.assertEqual(len(parts), len(names) + 1)
        self.assertEqual(parts[names.index("stdout")], "%x-%j.out")
        self.sh(f"scancel {held}")

    def test_slurm_tools(self):
        job = self.sh("sbatch --parsable -o /dev/null --wrap 'sleep 300'").strip()
        self.ends(f"squeue -h -j {job} -O State:.", "^RUNNING$")
        out = self.sh(
            'sinfo -h -N -O "NodeList:30,Partition:30,CPUsState:30,CPUsLoad:30,Memory:30,'
            'FreeMem:30,StateLong:30"'
        )
        for row in out.splitlines():
            self.assertEqual(len(row.split()), 7, row)
        out = self.sh(
            'squeue -t RUNNING -h -O "State: ,JobID: ,JobArrayID: ,UserName: ,GroupName: ,'
            'Account: ,StartTime: "'
        )
        self.assertTrue(any(row.split()[1] == job for row in out.splitlines()), out)
        self.assertIn("NodeName=n1", self.sh("scontrol -o show node n1"))
        self.sh(f"scontrol -d show job {job}")
        self.sh(f"scancel {job}")

    def test_gnu_parallel_and_mpi_launchers_read_the_nodes(self):
        self.assertEqual(self.sh("scontrol show hostnames 'n[1-2]'"), "n1\nn2\n")
        # Found in the container as in any other image; this machine may have Slurm's own, too.
        script = (
            "#!/bin/sh\nPATH=/run/gd/client:$PATH\n"
            "scontrol show hostnames $SLURM_JOB_NODELIST; env | grep ^SLURM_\n"
        )
        job = self.sh(f"sbatch --parsable -N 2 -o {self.dir}/mpi.out", input=script).strip()
        self.ends(f"sacct -X -n -j {job} -o State", "COMPLETED")
        lines = self.read("mpi.out").splitlines()
        self.assertEqual(lines[:2], ["n1", "n2"])
        environment = dict(line.split("=", 1) for line in lines[2:])
        self.assertEqual(environment["SLURM_JOBID"], job)
        self.assertEqual(environment["SLURM_NODELIST"], "n[1-2]")
        self.assertRegex(environment["SLURM_TASKS_PER_NODE"], r"^\d+(\(x\d+\))?(,\d+)*$")
        self.assertRegex(environment["SLURM_JOB_CPUS_PER_NODE"], r"^\d+(\(x\d+\))?(,\d+)*$")
        self.assertNotIn("SLURM_CPUS_PER_TASK", environment)

    # -- what several of them may ask for

    def test_mail_is_sent_as_sendmail_takes_it(self):
        out = self.sh(
            "sbatch --parsable -J mailed --mail-type=BEGIN,END --mail-user=ada@example.org "
            "-o /dev/null --wrap true"
        )
        job = out.strip()

        def mails():
            texts = [self.c.read(path) for path in glob.glob(self.mails + "/mail.*")]
            return sorted(t for t in texts if f"Job_id={job} " in t)

        wait_until("two mails", lambda: len(mails()) == 2)
        began, ended = mails()
        self.assertTrue(began.startswith("-i -- ada@example.org\nTo: ada@example.org\n"), began)
        self.assertRegex(began, rf"Subject: Slurm Job_id={job} Name=mailed Began, Queued time")
        self.assertRegex(
            ended,
            rf"Subject: Slurm Job_id={job} Name=mailed Ended, Run time \S+, COMPLETED, ExitCode 0",
        )

    def test_deadline_and_test_only(self):
        job = self.sh("sbatch --parsable -H --deadline=now+2 -o /dev/null --wrap true").strip()
        self.ends(f"squeue -h -t all -j {job} -o %T", "DEADLINE")
        before = self.sh("squeue -h -t all -o %i")
        self.sh("sbatch --test-only -n 1 --wrap true")
        self.assertRegex(
            self.last.err, r"to start at \d{4}-\d\d-\d\dT\S+ using 1 processors on nodes n[12]"
        )
        self.assertEqual(self.sh("squeue -h -t all -o %i"), before)


if __name__ == "__main__":
    unittest.main()
