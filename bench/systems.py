"""The systems under measurement: how each is started, spoken to and stopped.

Both run on loopback on this machine, the controller as its own user, commands as an
ordinary user. Slurm is Debian's slurm-wlm with munge, tuned after its own
high-throughput guide (PROFILE=default leaves it untuned); its jobs run bare, ours in
containers. Nothing is stopped that was not started here.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/system"))
import cluster as gd_cluster  # noqa: E402
import slurm_accounting  # noqa: E402
from client_case import slurm_names  # noqa: E402

USER = gd_cluster.USERS[0]
# The system's own: the one that runs this may be in a folder that only root may enter.
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
CPUS = int(os.environ.get("BENCH_CPUS", "64"))


def user_environment(extra):
    entry = pwd.getpwnam(USER)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": entry.pw_dir,
        "USER": USER,
        "LOGNAME": USER,
        "LANG": "C.UTF-8",
    }
    environment.update(extra)
    return environment


class Gd:
    name = "gd"
    hold, out, wrap = ["-H"], ["-o", "/dev/null"], "--wrap"

    def start(self):
        self.cluster = gd_cluster.Cluster(config="max_jobs = 2000000\nmin_job_age = 10s\n")
        self.cluster.start()
        folder = os.path.dirname(gd_cluster.find("gdsub"))
        self.environment = user_environment({"GD_CONF": self.cluster.conf})
        self.submit, self.queue, self.cancel, self.run, self.info = (
            [os.path.join(folder, name)]
            for name in ("gdsub", "gdstat", "gdkill", "gdrun", "gdinfo")
        )
        return self

    @staticmethod
    def tool(name):
        """A command under Slurm's name."""
        return os.path.join(slurm_names(), name)

    @staticmethod
    def fill_with(jobs):
        """What submits so many jobs, from one process; each alone on a node."""
        return [os.path.join(gd_cluster.BUILD, "bench", "queue_bench"), "alike", str(jobs)]

    def controller_pid(self):
        return self.cluster.controller.process.pid

    def kill_controller(self):
        self.cluster.controller.kill()

    def start_controller(self):
        self.cluster.controller.start()

    def stop(self):
        self.cluster.close_quietly()


class Slurm:
    name = "slurm"
    hold, out, wrap = ["-H"], ["-o", "/dev/null"], "--wrap"

    def __init__(self, accounting=False):
        self.with_accounting = accounting
        self.user = (
            "root" if accounting else "slurm"
        )  # else slurmdbd and slurmctld refuse each other

    def start(self):
        if not shutil.which("slurmctld"):
            raise SystemExit("slurm is not installed: apt-get install slurm-wlm slurm-client munge")
        gd_cluster.make_users()
        self.dir = tempfile.mkdtemp(prefix="gd-bench-slurm-", dir="/var/tmp")
        os.chmod(self.dir, 0o755)
        for name in ("state", "spool", "log", "run"):
            os.mkdir(os.path.join(self.dir, name))
        for name in ("state", "log", "run"):
            shutil.chown(os.path.join(self.dir, name), self.user)
        self.processes = []
        self.conf = os.path.join(self.dir, "slurm.conf")
        self.ports = (gd_cluster.free_port(), gd_cluster.free_port())
        self.start_munge()
        self.accounting = "AccountingStorageType=accounting_storage/none\n"
        if self.with_accounting:
            database = slurm_accounting.SlurmAccounting(self.dir, self.daemon)
            database.start()
            self.accounting = database.slurm_conf()
        self.write_config()
        self.environment = user_environment({"SLURM_CONF": self.conf})
        self.start_controller()
        self.daemon(["slurmd", "-D", "-f", self.conf, "-N", self.host()])
        self.submit, self.queue, self.cancel, self.run, self.info = (
            [shutil.which(name)] for name in ("sbatch", "squeue", "scancel", "srun", "sinfo")
        )
        self.wait_idle()
        if self.with_accounting:
            slurm_accounting.register(self.environment, USER)
        return self

    def wait_idle(self):
        gd_cluster.wait_until(
            "slurm's node is idle", lambda: "idle" in self.output(["sinfo", "-h", "-o", "%T"]), 120
        )

    @staticmethod
    def host():
        return socket.gethostname().split(".")[0]

    def output(self, argv):
        return subprocess.run(
            argv, env=dict(os.environ, SLURM_CONF=self.conf), capture_output=True, text=True
        ).stdout

    def daemon(self, argv, user=None):
        """By its plain name, which 22.05 looks at: as slurmctld-wlm it does not know itself."""
        exe = "/usr/sbin/" + argv[0]
        exe = exe + "-wlm" if os.path.exists(exe + "-wlm") else exe
        identity = {}
        if user:
            entry = pwd.getpwnam(user)
            groups = os.getgrouplist(user, entry.pw_gid)
            identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}
        log = open(os.path.join(self.dir, argv[0] + ".out"), "ab")
        process = subprocess.Popen(
            argv,
            executable=exe,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(os.environ, SLURM_CONF=self.conf),
            start_new_session=True,
            **identity,
        )
        self.processes.append(process)
        return process

    def start_munge(self):
        if os.path.exists("/run/munge/munge.socket.2"):
            return
        for folder in ("/run/munge", "/var/log/munge", "/var/lib/munge"):
            os.makedirs(folder, exist_ok=True)
            shutil.chown(folder, "munge", "munge")
        os.chmod("/run/munge", 0o755)
        if not os.path.exists("/etc/munge/munge.key"):
            with open("/etc/munge/munge.key", "wb") as f:
                f.write(os.urandom(1024))
            shutil.chown("/etc/munge/munge.key", "munge", "munge")
            os.chmod("/etc/munge/munge.key", 0o400)
        self.daemon(["munged", "--foreground", "--force"], user="munge")
        gd_cluster.wait_until(
            "munge answers", lambda: os.path.exists("/run/munge/munge.socket.2"), 20
        )

    def write_config(self):
        tuned = (
            ""
            if os.environ.get("PROFILE") == "default"
            else (
                "SchedulerParameters=batch_sched_delay=0,sched_min_interval=50000,"
                "default_queue_depth=1000,"
                "partition_job_depth=0,bf_continue,bf_max_job_test=1000,bf_interval=30\n"
                "PropagateResourceLimits=NONE\nMessageTimeout=60\nTCPTimeout=10\n"
                "CommunicationParameters=NoAddrCache\nMinJobAge=10\n"
                "SlurmctldDebug=error\nSlurmdDebug=error\n"
            )
        )
        with open(self.conf, "w") as f:
            f.write(
                f"""ClusterName=bench
SlurmctldHost={self.host()}(127.0.0.1)
SlurmUser={self.user}
SlurmdUser=root
SlurmctldPort={self.ports[0]}
SlurmdPort={self.ports[1]}
StateSaveLocation={self.dir}/state
SlurmdSpoolDir={self.dir}/spool
SlurmctldPidFile={self.dir}/run/slurmctld.pid
SlurmdPidFile={self.dir}/run/slurmd.pid
SlurmctldLogFile={self.dir}/log/slurmctld.log
SlurmdLogFile={self.dir}/log/slurmd.log
SwitchType=switch/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
{self.accounting}JobCompType=jobcomp/none
ReturnToService=2
MaxJobCount=500000
MaxArraySize=100001
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SlurmdParameters=config_overrides
{tuned}NodeName={self.host()} NodeAddr=127.0.0.1 CPUs={CPUS} RealMemory=16000 State=UNKNOWN
PartitionName=batch Nodes={self.host()} Default=YES MaxTime=INFINITE State=UP
"""
            )
        with open(os.path.join(self.dir, "cgroup.conf"), "w") as f:
            f.write("CgroupPlugin=autodetect\n")

    def start_controller(self):
        self.controller = self.daemon(["slurmctld", "-D", "-f", self.conf], user=self.user)

    @staticmethod
    def tool(name):
        return shutil.which(name, path="/usr/bin")

    def fill_with(self, jobs):
        program = os.path.join(self.dir, "slurm_fill")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slurm_fill.c")
        subprocess.run(["cc", "-O2", "-o", program, source, "-lslurm"], check=True)
        return [program, str(jobs)]

    def controller_pid(self):
        return self.controller.pid

    def kill_controller(self):
        self.controller.kill()
        self.controller.wait()

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


SYSTEMS = {"gd": Gd, "slurm": Slurm}
