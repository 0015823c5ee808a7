"""What the tests of the commands share: the binary and its names, run without a cluster."""
import json
import os
import subprocess
import sys

GD = os.path.abspath(sys.argv[1])
SOURCE = os.path.abspath(sys.argv[2])
BUILD = os.path.dirname(os.path.dirname(GD))
# with a binary of their own
PROGRAMS = {name: os.path.join(BUILD, name, name) for name in ("gdsim", "gdtop")}
del sys.argv[1:3]  # unittest reads the rest

LINKS = subprocess.run([GD, "--gd-links"], stdout=subprocess.PIPE, text=True,
                       check=True).stdout.split()
COMMANDS = [name for name in LINKS if "/" not in name] + list(PROGRAMS)
SLURM = [name.split("/")[1] for name in LINKS if "/" in name]


def run(name, *args, **keywords):
    """A command by its name: most are the one binary, as a link would call it."""
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GD_CONF": "/nonexistent/gd.conf",
           "LC_ALL": "C"}
    env.update(keywords.pop("env", {}))
    return subprocess.run([name, *args], executable=PROGRAMS.get(name, GD), capture_output=True,
                          text=True, timeout=60, env=env,
                          stdin=keywords.pop("stdin", subprocess.DEVNULL), **keywords)


def built(*parts):
    """A file that the build has made, as text."""
    with open(os.path.join(BUILD, *parts), encoding="utf-8") as text:
        return text.read()


def definition(name):
    return json.loads(run(name, "--gd-dump=json").stdout)
