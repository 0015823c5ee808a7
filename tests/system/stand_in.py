"""Nodes without machines beside a real controller: tests/stand_in/stand_in_nodes.

One process with a key for each of its nodes, which it joins by tokens; jobs on them are timers.
"""

import os
import signal
import subprocess

from cluster import BUILD, Cluster, Failure, wait_until

PROGRAM = os.path.join(BUILD, "tests", "stand_in", "stand_in_nodes")


class StandInCluster(Cluster):
    """A Cluster whose nodes, a host list, are stand-ins."""

    def __init__(self, hosts, cpus=16, memory="64G", **keywords):
        super().__init__(nodes=0, **keywords)
        self.hosts, self.cpus, self.memory = hosts, cpus, memory
        self.stand_in = None

    def start(self):
        super().start()
        tokens = self.admin("gdctl", "-Q", "node", "token", self.hosts).ok().out
        self.count = len(tokens.splitlines())
        log = self.path("stand_in.log")
        with open(log, "wb") as out:
            self.stand_in = subprocess.Popen(
                [PROGRAM, "--nodes", self.hosts]
                + ["--cpus", str(self.cpus), "--memory", self.memory],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.stand_in.stdin.write(tokens.encode())
        self.stand_in.stdin.close()
        wait_until("the nodes are up", self.are_up)
        return self

    def are_up(self):
        said = self.read(self.path("stand_in.log"))
        if self.stand_in.poll() is not None:
            raise Failure(f"stand_in_nodes has ended: {said}")
        return f"{self.count} nodes are up" in said

    def states(self):
        """How many nodes are in which state."""
        done = self.admin("sinfo", "-h", "-o", "%T %D", env={"PATH": self.slurm_path()})
        counts = {}
        for line in done.ok().out.splitlines():
            state, count = line.split()
            counts[state] = counts.get(state, 0) + int(count)
        return counts

    @staticmethod
    def slurm_path():
        from client_case import slurm_names

        return slurm_names() + ":/usr/bin:/bin"

    def stop(self):
        if self.stand_in and self.stand_in.poll() is None:
            self.stand_in.send_signal(signal.SIGTERM)
            self.stand_in.wait(20)
        super().stop()

    def close(self):
        try:
            super().close()
        finally:
            if self.stand_in and self.stand_in.poll() is None:
                self.stand_in.kill()
                self.stand_in.wait()
