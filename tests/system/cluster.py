"""A real cluster for tests: gdctld, gdauthd, gdnoded and the commands, as installed.

Each Cluster has a folder, ports and cgroups of its own. With nodes=3, net=True the
controller and each node sit in network namespaces that this file makes and joins
by a bridge, so that they meet only through the network. Everything that was
started is ended by its pid, and leftovers() lists what should not be there after.
"""

import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("GD_BUILD", os.path.join(os.path.dirname(__file__), "../../build"))
USERS = ("gdtest1", "gdtest2")
ENGINE = os.environ.get("GD_TEST_ENGINE", "native")  # that makes the containers
DEADLINE = float(os.environ.get("GD_TEST_PATIENCE", "60"))
SANITIZED = bool(os.environ.get("GD_SANITIZED"))


class Failure(AssertionError):
    """A wait that did not come true; the text says what was waited for and what was seen."""


def wait_until(what, condition, timeout=None):
    """Poll a condition until it is true; the value it gave."""
    end = time.monotonic() + (timeout or DEADLINE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {timeout or DEADLINE} s in vain for: {what}")
        time.sleep(0.02)


def make_users():
    try:
        pwd.getpwnam("gd")
    except KeyError:
        subprocess.run(["useradd", "--system", "--shell", "/usr/sbin/nologin", "gd"], check=True)
    for name in USERS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            subprocess.run(["useradd", "-m", "-s", "/bin/bash", name], check=True)


_installed = None


def installation():
    """The tree that `make install` gives, made once for the whole run."""
    global _installed
    if _installed is None:
        given = os.environ.get("GD_INSTALLED")
        if given:
            _installed = given
        else:
            root = tempfile.mkdtemp(prefix="gd-install-", dir="/var/tmp")
            os.chmod(root, 0o755)
            subprocess.run(
                ["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            _installed = root
            import atexit

            atexit.register(shutil.rmtree, root, ignore_errors=True)
    return _installed


def find(name):
    for folder, _, files in os.walk(installation()):
        if folder.endswith("libexec/gd/client"):  # what is bound into containers
            continue
        path = os.path.join(folder, name)
        if name in files and os.access(path, os.X_OK):  # completions have the commands' names too
            return path
    raise Failure(f"{name} was not installed")


class Finished:
    def __init__(self, argv, status, out, err):
        self.argv, self.status, self.out, self.err = argv, status, out, err

    def ok(self):
        if self.status != 0:
            raise Failure(
                f"{' '.join(self.argv)}: exit {self.status}\nstdout: {self.out}\nstderr: {self.err}"
            )
        return self


class Daemon:
    def __init__(self, name, argv, log, env=None, net=None):
        self.name, self.argv, self.log, self.env, self.net = name, argv, log, env, net
        self.process = None

    def start(self):
        argv = self.argv
        if self.net:
            argv = ["nsenter", "--net=/run/netns/" + self.net] + argv
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                start_new_session=True,
            )
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self, number=signal.SIGKILL):
        if self.running():
            self.process.send_signal(number)
            self.process.wait()

    def stop(self):
        if not self.running():
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure(f"{self.name} did not stop within 20 s of SIGTERM")


class Cluster:
    def __init__(self, nodes=1, net=False, config="", node_config="", partitions=""):
        make_users()
        self.dir = tempfile.mkdtemp(prefix="gd-test-", dir="/var/tmp")
        os.chmod(self.dir, 0o755)
        self.tag = os.path.basename(self.dir)[8:]
        self.net = net
        self.namespaces = []
        self.extra, self.node_extra = config, node_config
        self.partitions = partitions or f"[partition batch]\nengine = {ENGINE}\n"
        self.names = [f"n{i + 1}" for i in range(nodes)]
        self.nodes = {}
        self.controller = None

    # -- network

    def make_network(self):
        run = lambda *argv: subprocess.run(argv, check=True)
        ctl = f"gd{self.tag}c"
        run("ip", "netns", "add", ctl)
        self.namespaces.append(ctl)
        run("ip", "-n", ctl, "link", "set", "lo", "up")
        run("ip", "-n", ctl, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", ctl, "addr", "add", "10.77.0.1/24", "dev", "br0")
        run("ip", "-n", ctl, "link", "set", "br0", "up")
        for i, name in enumerate(self.names):
            ns = f"gd{self.tag}{name}"
            run("ip", "netns", "add", ns)
            self.namespaces.append(ns)
            run(
                "ip",
                "-n",
                ctl,
                "link",
                "add",
                f"v{i}",
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                ns,
            )
            run("ip", "-n", ctl, "link", "set", f"v{i}", "master", "br0", "up")
            run("ip", "-n", ns, "addr", "add", f"10.77.0.{i + 11}/24", "dev", "eth0")
            run("ip", "-n", ns, "link", "set", "eth0", "up")
            run("ip", "-n", ns, "link", "set", "lo", "up")

    def namespace_of(self, name=None):
        if not self.net:
            return None
        return f"gd{self.tag}c" if name is None else f"gd{self.tag}{name}"

    def address_of(self, name=None):
        if not self.net:
            return "127.0.0.1"
        return "10.77.0.1" if name is None else f"10.77.0.{self.names.index(name) + 11}"

    # -- life

    def start(self):
        if self.net:
            self.make_network()
        self.port = free_port()
        self.conf = self.path("gd.conf")
        self.write_controller_config()
        exe = find("gdctld")
        self.controller = Daemon(
            "gdctld",
            [exe, "--config", self.conf, "--foreground"],
            self.path("gdctld.log"),
            net=self.namespace_of(),
        ).start()
        wait_until("gdctld answers", lambda: self.admin("gdctl", "ping").status == 0)
        for name in self.names:
            self.add_node(name)
        for name in self.names:
            self.wait_node(name)
        return self

    def write_controller_config(self):
        with open(self.conf, "w") as f:
            f.write(
                f"cluster = t{self.tag}\ncontroller = {self.address_of()}:{self.port}\n"
                f"listen = {self.address_of()}:{self.port}\n"
                f"controller_key = {self.path('controller.pub')}\n"
                f"state_dir = {self.path('state')}\nrun_dir = {self.path('run')}\nuser = gd\n"
                f"{self.extra}\n{self.partitions}\n"
            )

    def node_conf(self, name):
        path = self.path(name + ".conf")
        stream = f"{self.address_of(name)}:{free_port()}"
        with open(path, "w") as f:
            f.write(
                f"cluster = t{self.tag}\ncontroller = {self.address_of()}:{self.port}\n"
                f"controller_key = {self.path('controller.pub')}\n"
                f"run_dir = {self.path(name + '-run')}\n"
                f"[agent]\nname = {name}\naddress = {stream}\nlisten = {stream}\n"
                f"spool_dir = {self.path(name + '-spool')}\n"
                f"cgroup = gdt-{self.tag}-{name}\n{self.binding()}{self.node_extra}\n"
            )
        return path

    def binding(self):
        """The nodes of all tests are one machine: each would begin with its first processor."""
        return "" if "bind_processors" in self.node_extra else "bind_processors = no\n"

    def add_node(self, name):
        conf = self.node_conf(name)
        token = self.admin("gdctl", "node", "token", name).ok().out.split()[-1]
        exe = find("gdnoded")
        joined = subprocess.run(
            self.in_net([exe, "--config", conf, "--join", token], name),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        if joined.returncode != 0:
            raise Failure(f"gdnoded --join: {joined.stderr}")
        self.nodes[name] = Daemon(
            name,
            [exe, "--config", conf, "--foreground"],
            self.path(name + ".log"),
            net=self.namespace_of(name),
        ).start()

    def in_net(self, argv, name=None):
        ns = self.namespace_of(name)
        return ["nsenter", "--net=/run/netns/" + ns] + argv if ns else argv

    def wait_node(self, name, state="idle|mixed|allocated"):
        wait_until(f"node {name} is {state}", lambda: re.fullmatch(state, self.node_state(name)))

    def node_state(self, name):
        done = self.admin("gdctl", "show", "node", name, "--json")
        if done.status != 0:
            return ""
        return json.loads(done.out)["nodes"][0]["state"].lower().strip("*")

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def stop(self):
        for node in self.nodes.values():
            node.stop()
        if self.controller:
            self.controller.stop()

    def close(self):
        problem = None
        try:
            self.cancel_everything()
            self.stop()
        except (Failure, subprocess.TimeoutExpired) as failure:
            problem = failure
        finally:
            for daemon in list(self.nodes.values()) + [self.controller]:
                if daemon:
                    daemon.kill()
            for ns in self.namespaces:
                subprocess.run(["ip", "netns", "del", ns], check=False)
            if os.environ.get("GD_KEEP"):
                print("kept:", self.dir, file=sys.stderr)
            else:
                shutil.rmtree(self.dir, ignore_errors=True)
        if problem:
            raise problem

    def cancel_everything(self):
        if not (self.controller and self.controller.running()):
            return
        jobs = [str(j["job_id"]) for j in self.jobs()]
        if jobs:
            self.admin("gdkill", *jobs)
            wait_until("no job is left", lambda: not self.jobs(), 40)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.show_logs()
            self.close_quietly()
            raise

    def close_quietly(self):
        with contextlib.suppress(Exception):
            self.close()

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.show_logs()
            self.close_quietly()
        else:
            self.close()

    def show_logs(self):
        for name in ["gdctld"] + self.names:
            with contextlib.suppress(OSError):
                with open(self.path(name + ".log"), errors="replace") as f:
                    sys.stderr.write(f"---- {name}.log\n" + "".join(f.readlines()[-40:]))

    # -- commands

    def command(self, argv, user, cwd=None, env=None, input=None, timeout=None, node=None):
        environment = {
            "PATH": os.path.dirname(find("gdsub")) + ":/usr/bin:/bin",
            "GD_CONF": self.conf,
            "LANG": "C.UTF-8",
        }
        who = {}
        if user != "root":
            entry = pwd.getpwnam(user)
            environment.update(HOME=entry.pw_dir, USER=user, LOGNAME=user)
            who = {
                "user": entry.pw_uid,
                "group": entry.pw_gid,
                "extra_groups": os.getgrouplist(user, entry.pw_gid),
            }
            cwd = cwd or entry.pw_dir
        else:
            environment.update(HOME=self.dir, USER="root", LOGNAME="root")
        environment.update(env or {})
        return argv, dict(cwd=cwd or "/", env=environment), who, input, timeout

    def start_command(self, user, *argv, **keywords):
        stdin = keywords.pop("stdin", subprocess.DEVNULL)
        stdout = keywords.pop("stdout", subprocess.PIPE)
        argv, where, who, _, _ = self.command(list(argv), user, **keywords)
        if self.net:
            argv = self.wrap_user(argv, user)
            who = {}
        return subprocess.Popen(
            argv, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, **where, **who
        )

    def wrap_user(self, argv, user):
        """In the controller's namespace one must be root to enter, and the user after."""
        become = (
            [] if user == "root" else ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        )
        return ["nsenter", "--net=/run/netns/" + self.namespace_of()] + become + argv

    def run(self, user, *argv, **keywords):
        argv, where, who, text, timeout = self.command(list(argv), user, **keywords)
        if self.net:
            argv = self.wrap_user(argv, user)
            who = {}
        done = subprocess.run(
            argv,
            input=text,
            stdin=None if text is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout or DEADLINE,
            **where,
            **who,
        )
        return Finished(argv, done.returncode, done.stdout, done.stderr)

    def admin(self, *argv, **keywords):
        return self.run("root", *argv, **keywords)

    def submit(self, user, *options, script=None, cwd=None):
        """A job; `script` as text goes through standard input."""
        done = self.run(user, "gdsub", "--parsable", *options, input=script, cwd=cwd).ok()
        return int(done.out.split(";")[0])

    def jobs(self, *options):
        done = self.admin("gdstat", "--json", *options)
        return json.loads(done.ok().out)["jobs"]

    def job(self, number):
        done = self.admin("gdctl", "show", "job", str(number), "--json")
        return json.loads(done.ok().out)["jobs"][0]

    def state(self, number):
        return self.job(number)["state"]

    ENDED = {
        "COMPLETED",
        "FAILED",
        "CANCELLED",
        "TIMEOUT",
        "OUT_OF_MEMORY",
        "NODE_FAIL",
        "PREEMPTED",
        "DEADLINE",
        "BOOT_FAIL",
    }

    def wait_end(self, number, timeout=None):
        wait_until(f"job {number} ends", lambda: self.state(number) in self.ENDED, timeout)
        return self.job(number)

    def wait_state(self, number, state, timeout=None):
        return wait_until(f"job {number} is {state}", lambda: self.state(number) == state, timeout)

    def read(self, path):
        with open(path, errors="replace") as f:
            return f.read()


def free_port():
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def snapshot(tag=None):
    """Processes, mounts, cgroups and loop devices of this machine that could be a job's."""
    processes = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry}/status") as f:
                    uid = int(re.search(r"^Uid:\s+(\d+)", f.read(), re.M)[1])
                with open(f"/proc/{entry}/comm") as f:
                    comm = f.read().strip()
                if comm.startswith("gdshep") or uid in {
                    pwd.getpwnam(u).pw_uid for u in USERS if exists(u)
                }:
                    processes.add(f"process {entry} {comm} uid {uid}")
    with open("/proc/self/mountinfo") as f:
        mounts = {"mount " + line.split()[4] for line in f}
    groups = set()
    for folder, folders, _ in os.walk("/sys/fs/cgroup"):
        for name in folders:
            if name.startswith("job_"):
                groups.add("cgroup " + os.path.join(folder, name))
    loops = {
        "loop " + name
        for name in os.listdir("/sys/block")
        if name.startswith("loop") and os.path.exists(f"/sys/block/{name}/loop/backing_file")
    }
    return processes | mounts | groups | loops


def exists(user):
    try:
        pwd.getpwnam(user)
        return True
    except KeyError:
        return False
