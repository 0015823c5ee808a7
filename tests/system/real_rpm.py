"""Root inside of an image of the other family: dnf installs an RPM with a user, an owner, a
set-user-ID program and a file capability of its own, and home keeps its owner."""

import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

from cluster import Cluster, USERS
from debian_image import make_debian_image

ALICE = USERS[0]

# The image's shell came from a .deb, of which rpm knows nothing.
SPEC = """Name: gd-example
Version: 1.0
Release: 1
Summary: a package with all that needs rights
License: none
BuildArch: noarch
Provides: /bin/sh
%description
%pre
getent group gdexample >/dev/null || groupadd --system gdexample
getent passwd gdexample >/dev/null || useradd --system --gid gdexample gdexample
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/var/lib/gd-example
for name in as-owner with-capability; do
  printf '#!/bin/sh\\necho %s\\n' $name >%{buildroot}/usr/bin/$name
done
echo installed >%{buildroot}/var/lib/gd-example/data
%files
%attr(4755, gdexample, gdexample) /usr/bin/as-owner
%attr(0755, root, root) %caps(cap_net_bind_service=ep) /usr/bin/with-capability
%dir %attr(0750, gdexample, gdexample) /var/lib/gd-example
%attr(0640, gdexample, gdexample) /var/lib/gd-example/data
"""

# Debian's rpm keeps its database in the home of whoever runs it; this one is the image's.
INSTALL = """set -e
home=$HOME
export HOME=/root
dnf -q -y --releasever=1 --repofrompath=lab,file:///opt/rpms --repo=lab --nogpgcheck \\
  install gd-example
rpm --verify gd-example
stat -c '%U:%G %a' /usr/bin/as-owner /var/lib/gd-example/data
/sbin/getcap /usr/bin/with-capability
dnf -q -y --releasever=1 remove gd-example >/dev/null
test ! -e /var/lib/gd-example/data
echo made by root inside >$home/mark
"""


class Rpm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="gd-rpm-", dir="/var/tmp")
        os.chmod(cls.work, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        cls.image = os.path.join(cls.work, "image")
        make_debian_image(cls.image, "dnf", "rpm", "passwd", "libcap2-bin")
        cls.make_repository(cls.image + "/opt/rpms")
        cls.c = Cluster(
            config="default_image = host\n",
            node_config=f"image_prefixes = {cls.work}\nwritable_size = 2G\n",
        ).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    @classmethod
    def make_repository(cls, folder):
        spec = os.path.join(cls.work, "gd-example.spec")
        with open(spec, "w") as f:
            f.write(SPEC)
        os.makedirs(folder)
        top = os.path.join(cls.work, "rpmbuild")
        define = ["--define", f"_topdir {top}", "--define", f"_rpmdir {folder}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["rpmbuild", "-bb", *define, spec], check=True, **quiet)
        subprocess.run(["createrepo_c", "--quiet", folder], check=True)

    def test_dnf_installs_verifies_and_removes(self):
        done = self.c.run(ALICE, "gdrun", "--root", "--image", self.image, "sh", "-c", INSTALL).ok()
        self.assertEqual(
            done.out.splitlines()[-3:],
            [
                "gdexample:gdexample 4755",
                "gdexample:gdexample 640",
                "/usr/bin/with-capability cap_net_bind_service=ep",
            ],
            done.out,
        )
        mark = os.path.join(pwd.getpwnam(ALICE).pw_dir, "mark")
        self.addCleanup(os.unlink, mark)
        self.assertEqual(os.stat(mark).st_uid, pwd.getpwnam(ALICE).pw_uid)
        self.assertFalse(os.path.exists(self.image + "/var/lib/gd-example"))


if __name__ == "__main__":
    unittest.main()
