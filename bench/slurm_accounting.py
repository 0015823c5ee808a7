"""Slurm's accounting as its guide sets it up: slurmdbd over a MariaDB of its own, on loopback."""

import os
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/system"))
import cluster as gd_cluster  # noqa: E402

PACKAGES = "slurmdbd mariadb-server"
# The pool and the log that Slurm's accounting guide asks for, and its long lock wait.
MARIADB = [
    "--innodb-buffer-pool-size=1024M",
    "--innodb-log-file-size=64M",
    "--innodb-lock-wait-timeout=900",
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
]


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class SlurmAccounting:
    """`daemon` starts a program under the owner's eye: it ends them too."""

    def __init__(self, folder, daemon):
        if not shutil.which("mariadbd") or not shutil.which("slurmdbd"):
            raise SystemExit(f"slurm's accounting is not installed: apt-get install {PACKAGES}")
        self.dir = folder
        self.daemon = daemon
        self.port = gd_cluster.free_port()
        self.database_port = gd_cluster.free_port()

    def start(self):
        self.start_database()
        self.write_config()
        self.daemon(["slurmdbd", "-D"])
        gd_cluster.wait_until("slurmdbd listens", lambda: listens(self.port), 60)

    def slurm_conf(self):
        return (
            "AccountingStorageType=accounting_storage/slurmdbd\n"
            f"AccountingStorageHost=127.0.0.1\nAccountingStoragePort={self.port}\n"
        )

    def start_database(self):
        data, door = os.path.join(self.dir, "db"), os.path.join(self.dir, "run", "db.sock")
        os.mkdir(data)
        shutil.chown(data, "mysql", "mysql")
        os.chmod(os.path.join(self.dir, "run"), 0o777)
        subprocess.run(
            ["mariadb-install-db", "--user=mysql", f"--datadir={data}", "--skip-test-db"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self.daemon(
            ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={door}"]
            + [f"--port={self.database_port}", f"--pid-file={data}/pid"]
            + MARIADB,
            user="mysql",
        )
        gd_cluster.wait_until("the database answers", lambda: os.path.exists(door), 60)
        subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={door}"],
            input="create user 'slurm'@'127.0.0.1' identified by 'bench';\n"
            "grant all on slurm_acct.* to 'slurm'@'127.0.0.1';\n",
            text=True,
            check=True,
        )

    def write_config(self):
        path = os.path.join(self.dir, "slurmdbd.conf")
        with open(path, "w") as f:
            f.write(
                f"""AuthType=auth/munge
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={self.port}
SlurmUser=root
DebugLevel=error
LogFile={self.dir}/log/slurmdbd.log
PidFile={self.dir}/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={self.database_port}
StorageUser=slurm
StoragePass=bench
StorageLoc=slurm_acct
"""
            )
        os.chmod(path, 0o600)


def register(environment, user):
    """Whose jobs are counted; the controller has told slurmdbd of its cluster by itself."""
    for words in (["add", "account", "bench"], ["add", "user", user, "account=bench"]):
        done = subprocess.run(
            ["/usr/bin/sacctmgr", "-i", *words],
            env=dict(os.environ, **environment),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise SystemExit(f"bench: sacctmgr {' '.join(words)}: {done.stdout}{done.stderr}")
