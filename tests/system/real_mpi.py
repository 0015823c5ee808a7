"""A real MPI program over four nodes in namespaces of their own, by the launchers of Open MPI and
MPICH: they find a Slurm job around them and start their daemons by srun."""

import os
import pwd
import shutil
import subprocess
import unittest

from cluster import Cluster, USERS

ALICE = USERS[0]

PROGRAM = r"""
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int rank, size, sum = 0;
  char host[64];
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  gethostname(host, sizeof host);
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  printf("rank %d of %d on %s: %d\n", rank, size, host, sum);
  fflush(stdout);
  MPI_Barrier(MPI_COMM_WORLD);
  if (argc > 1 && !strcmp(argv[1], "leave")) _exit(0);
  MPI_Finalize();
  return argc > 1 && rank == 1 ? atoi(argv[1]) : 0;
}
"""

# Where its daemons listen is one of the nodes' own addresses.
OPEN_MPI = (
    "mpirun.openmpi --mca btl tcp,self --mca oob_tcp_if_include eth0"
    " --mca btl_tcp_if_include eth0"
)
MPICH = "mpiexec.mpich -iface eth0"


class Mpi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(nodes=4, net=True, node_config="cpus = 2\n").__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        entry = pwd.getpwnam(ALICE)
        cls.dir = os.path.join(entry.pw_dir, "mpi")
        os.makedirs(cls.dir, exist_ok=True)
        os.chown(cls.dir, entry.pw_uid, entry.pw_gid)
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        source = os.path.join(cls.dir, "ring.c")
        with open(source, "w") as f:
            f.write(PROGRAM)
        for kind in ("openmpi", "mpich"):
            subprocess.run(["mpicc." + kind, "-o", os.path.join(cls.dir, kind), source], check=True)

    def run_in_job(self, line, *options):
        """Exit code and output of a batch script of one line over the four nodes."""
        out = os.path.join(self.dir, "out")
        script = f"#!/bin/bash\nexport PATH=/run/gd/client:$PATH\n{line}\n"
        job = self.c.submit(
            ALICE, "--mem=0", "-N4", "-D", self.dir, "-o", out, *options, script=script
        )
        end = self.c.wait_end(job, 120)
        text = self.c.read(out)
        os.unlink(out)
        return end, text

    def check(self, line):
        end, text = self.run_in_job(line, "-n8")
        self.assertEqual(end["state"], "COMPLETED", text)
        self.assertEqual(
            sorted(line for line in text.splitlines() if line.startswith("rank")),
            [f"rank {i} of 8 on n{i // 2 + 1}: 28" for i in range(8)],
        )

    def test_open_mpi_runs_over_the_nodes_of_its_job(self):
        self.check(f"{OPEN_MPI} ./openmpi")

    def test_mpich_runs_over_the_nodes_of_its_job(self):
        # Debian's MPICH over UCX's TCP hangs in MPI_Finalize between network namespaces, with its
        # own ssh launcher and no gd at all too; so its ranks leave after the barrier.
        self.check(f"{MPICH} ./mpich leave")

    def test_the_code_of_a_rank_comes_back(self):
        end, text = self.run_in_job(f"{OPEN_MPI} ./openmpi 3", "-n8")
        self.assertEqual(end["state"], "FAILED", text)
        self.assertIn("Exit code:    3", text)


if __name__ == "__main__":
    unittest.main()
