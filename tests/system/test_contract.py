"""Slurm's texts and exit codes that no client's own test asks for: COMPAT's sections 2 and 4."""

import os
import pwd
import tempfile
import time
import unittest

from client_case import slurm_names
from cluster import Cluster, USERS, wait_until

ALICE = USERS[0]
PARTITIONS = "[partition batch]\nmax_time = 60\n"


class Contract(unittest.TestCase):
    config = ""

    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(config=cls.config, partitions=PARTITIONS, node_config="cpus = 2\n")
        cls.c.__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        entry = pwd.getpwnam(ALICE)
        cls.dir = tempfile.mkdtemp(prefix="contract-", dir=entry.pw_dir)
        os.chown(cls.dir, entry.pw_uid, entry.pw_gid)
        cls.addClassCleanup(cls.c.run, ALICE, "rm", "-r", cls.dir)

    def sh(self, line):
        env = {"PATH": slurm_names() + ":/usr/bin:/bin"}
        return self.c.run(ALICE, "/bin/sh", "-c", line, cwd=self.dir, env=env)

    def out(self, line):
        return self.sh(line).ok().out.strip()

    def refused(self, line, *said):
        done = self.sh(line)
        self.assertEqual((done.status, done.out), (1, ""), done.err)
        self.assertEqual(done.err.splitlines()[-len(said) :], list(said))

    def ends(self, job):
        states = ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING")
        state = lambda: self.out(f"squeue -h -t all -j {job} -o %T")
        wait_until(f"job {job} ends", lambda: state() not in states)


class Texts(Contract):
    def test_sacct_finds_who_was_there_in_its_window(self):
        job = self.out("sbatch --parsable -J window -o /dev/null --wrap true")
        self.ends(job)
        sacct = f"sacct -n -X -P -o JobID -j {job}"
        for window, found in [
            ("", True),
            ("-S now-1hour", True),
            ("-S now+1hour", False),
            ("-E now-1hour", False),
            ("-s R -S now-1hour -E now", True),
            ("-s F -S now-1hour -E now", False),
            ("-s CD -S now-1hour", False),
        ]:
            self.assertEqual(self.out(f"{sacct} {window}"), job if found else "", window)

    def test_what_can_only_wait_is_accepted_and_says_why(self):
        for options, reason in [
            ("-n 100000", "PartitionConfig"),
            ("-t 2:00:00", "PartitionTimeLimit"),
        ]:
            job = self.out(f"sbatch --parsable {options} --wrap true")
            self.assertEqual(self.out(f"squeue -h -j {job} -o '%T %r'"), f"PENDING {reason}")

    def test_dependencies_that_are_wrong_gone_or_never_hold(self):
        self.refused(
            "sbatch -d afterok:x --wrap true",
            "sbatch: error: Batch job submission failed: Job dependency problem",
        )
        self.ends(self.out("sbatch --parsable -d afterok:99999 --wrap true"))  # unknown: satisfied
        bad = self.out("sbatch --parsable --wrap 'exit 3'")
        self.ends(bad)
        waits = self.out(f"sbatch --parsable -d afterok:{bad} --wrap true")
        line = f"squeue -h -j {waits} -o '%T %r'"
        self.assertEqual(self.out(line), "PENDING DependencyNeverSatisfied")
        goes = self.out(f"sbatch --parsable --kill-on-invalid-dep=yes -d afterok:{bad} --wrap true")
        self.ends(goes)
        self.assertEqual(self.out(f"sacct -n -X -j {goes} -o state"), "CANCELLED")

    def test_wait_gives_the_jobs_code(self):
        self.assertEqual(self.sh("sbatch -W --wrap 'exit 7'").status, 7)
        self.assertEqual(self.sh("sbatch -W -a 1-3 --wrap 'exit $SLURM_ARRAY_TASK_ID'").status, 3)

    def test_states_and_codes_of_ends(self):
        jobs = {
            "FAILED 3:0": self.out("sbatch --parsable --wrap 'exit 3'"),
            "FAILED 0:11": self.out("sbatch --parsable --wrap 'kill -SEGV $$'"),
            "OUT_OF_ME+ 0:125": self.out(
                "sbatch --parsable --mem=30 --wrap 'head -c 200M /dev/zero | tail'"
            ),
            "COMPLETED 0:0": self.out("sbatch --parsable --wrap true"),
        }
        for said, job in jobs.items():
            self.ends(job)
            self.assertEqual(
                self.out(f"sacct -n -X -j {job} -o state,exitcode").split(), said.split()
            )

    def test_srun_of_what_is_killed_is_128_and_the_signal(self):
        self.assertEqual(self.sh("srun sh -c 'kill -KILL $$'").status, 137)

    def test_file_names_are_padded(self):
        job = self.out("sbatch --parsable -o 'f-%8j-%5a.%x' -J pad -a 7 --wrap true")
        self.ends(job)
        self.assertIn(f"f-{int(job):08}-00007.pad", os.listdir(self.dir))

    def test_a_jobs_surroundings(self):
        script = (
            "echo $SLURM_SUBMIT_DIR $SLURM_JOBID $SLURM_NNODES $SLURM_NODELIST "
            "${SLURM_NTASKS-unset} ${SLURM_CPUS_PER_TASK-unset}"
        )
        job = self.out(f"sbatch --parsable -o plain --wrap '{script}'")
        self.ends(job)
        asked = self.out(f"sbatch --parsable -o asked -n 2 -c 1 --wrap '{script}'")
        self.ends(asked)
        for name, who, rest in [("plain", job, "unset unset"), ("asked", asked, "2 1")]:
            text = self.c.read(os.path.join(self.dir, name)).strip()
            self.assertEqual(text, f"{self.dir} {who} 1 n1 {rest}")

    def test_sacct_takes_slurms_moments(self):
        job = self.out("sbatch --parsable --wrap true")
        self.ends(job)
        today = time.strftime("%m%d%y")
        for since in ("now-2days", "1970-01-01", today, time.strftime("%Y-%m-%dT00:00:00")):
            found = self.out(f"sacct -n -X -S {since} -E now+1hour -o jobid").split()
            self.assertIn(job, found, since)

    def test_sacctmgr_shows_the_cluster(self):
        rows = self.out("sacctmgr -n -P show cluster format=cluster").splitlines()
        self.assertEqual(len(rows), 1)
        self.assertNotEqual(rows[0], "")


class Enforced(Contract):
    config = "enforce_part_limits = yes\n"

    def test_what_could_only_wait_is_refused(self):
        self.refused(
            "sbatch -n 100000 --wrap true",
            "sbatch: error: 100000 tasks of 1 cpu asked, 2 fit on the nodes of partition batch",
            "sbatch: error: Batch job submission failed: More processors requested than permitted",
        )
        self.refused(
            "sbatch -t 2:00:00 --wrap true",
            "sbatch: error: time limit of 7200 s is over the 3600 s of partition batch",
            "sbatch: error: Batch job submission failed: Requested time limit is invalid "
            "(missing or exceeds some limit)",
        )


del Contract  # the ground of both, no suite

if __name__ == "__main__":
    unittest.main()
