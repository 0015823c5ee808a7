#!/usr/bin/env python3
"""Container launches beside bubblewrap, crun, runc and a bare chroot, in turn in one run.

    GD_BUILD=build bench/launch_beside.py [ROUNDS [LAUNCHES]]

As root. Each launcher starts the same static program in the same root directory, LAUNCHES times
by each of 1 and of 8 workers, all in the host's network. Ours as a job has it: user namespace,
filter, control group. runc and crun by a bundle of `runc spec`: no filter, crun no control group.
Rounds take turns, so that a noisy minute is everybody's. Prints medians.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("GD_BUILD", "build")
WORKERS = (1, 8)
# crun runs only where it sees one hierarchy; the others do not care.
V2_VIEW = "mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1; "
# One shell a worker: cheaper than what it starts, and the same for all.
LOOP = 'i=0; while [ $i -lt "$LAUNCHES" ]; do i=$((i + 1)); %s || exit 1; done'


def prepare(folder):
    root = os.path.join(folder, "root")
    for name in ("bin", "proc", "dev", "sys", "tmp", "etc"):
        os.makedirs(os.path.join(root, name))
    shutil.copy("/bin/busybox", os.path.join(root, "bin/busybox"))
    os.symlink("busybox", os.path.join(root, "bin/true"))
    for runtime in ("runc", "crun"):
        bundle = os.path.join(folder, runtime)
        os.mkdir(bundle)
        subprocess.run([runtime, "spec"], cwd=bundle, check=True)
        path = os.path.join(bundle, "config.json")
        with open(path) as f:
            spec = json.load(f)
        spec["process"]["terminal"] = False
        spec["process"]["args"] = ["/bin/true"]
        spec["root"] = {"path": root, "readonly": True}
        spec["mounts"] = [mount for mount in spec["mounts"] if mount["type"] != "cgroup"]
        spaces = spec["linux"]["namespaces"]
        spec["linux"]["namespaces"] = [each for each in spaces if each["type"] != "network"]
        with open(path, "w") as f:
            json.dump(spec, f)
    return root


def launchers(folder, root):
    state = os.path.join(folder, "state")
    oci = f"--root {state} run --bundle {folder}/"
    return {
        "chroot, no container": f"chroot {root} /bin/true",
        "gd": None,  # launch_bench has workers of its own
        "bubblewrap": f"bwrap --unshare-all --share-net --ro-bind {root} / --proc /proc --dev /dev"
        " --tmpfs /tmp /bin/true",
        "crun": f"crun --cgroup-manager=disabled {oci}crun c$$.$i",
        "runc": f"runc {oci}runc c$$.$i",
    }


def rate(line, root, workers, launches):
    """Launches a second over all workers."""
    start = time.monotonic()
    if line is None:
        program = os.path.join(BUILD, "bench/launch_bench")
        argv = [program, "-n", str(launches), "-w", str(workers), "-i", root, "-f", "-g", "true"]
        running = [subprocess.Popen(argv, stdout=subprocess.DEVNULL)]
    else:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LAUNCHES": str(launches)}
        argv = ["unshare", "-m", "/bin/busybox", "sh", "-c", V2_VIEW + LOOP % line]
        running = [subprocess.Popen(argv, env=environment) for _ in range(workers)]
    if any(process.wait() != 0 for process in running):
        sys.exit(f"launch_beside: {argv} failed")
    return workers * launches / (time.monotonic() - start)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    launches = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    with tempfile.TemporaryDirectory(prefix="gd-launch-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        root = prepare(folder)
        lines = launchers(folder, root)
        rates = {(name, workers): [] for name in lines for workers in WORKERS}
        for _ in range(rounds):
            for name, workers in rates:
                rates[name, workers].append(rate(lines[name], root, workers, launches))
    print(f"{'launches a second':24}" + "".join(f"{f'{w} at once':>14}" for w in WORKERS))
    for name in lines:
        medians = [statistics.median(rates[name, workers]) for workers in WORKERS]
        print(f"{name:24}" + "".join(f"{median:14.0f}" for median in medians))


if __name__ == "__main__":
    main()
