"""A root directory of Debian as an image: real programs, and what their packages do to a system."""

import subprocess


def make_debian_image(folder, *packages):
    argv = ["mmdebstrap", "--quiet", "--variant=apt", "--include=" + ",".join(packages)]
    subprocess.run([*argv, "bookworm", folder], check=True)
