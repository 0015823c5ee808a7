"""The ground under the tests of clients: a cluster whose user has Slurm's names first on PATH."""

import glob
import os
import pwd
import re
import shutil
import tempfile
import unittest

from cluster import Cluster, USERS, installation, wait_until

ALICE = USERS[0]


def slurm_names():
    return glob.glob(installation() + "/**/gd/slurm", recursive=True)[0]


class ClientCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mails = tempfile.mkdtemp(prefix="mails-", dir="/var/tmp")
        os.chmod(cls.mails, 0o777)
        program = os.path.join(cls.mails, "sendmail")
        with open(program, "w") as f:
            f.write(
                "#!/bin/sh\nfile=$(mktemp " + cls.mails + "/new.XXXXXX)\n"
                '{ echo "$@"; cat; } >"$file"; mv "$file" "${file%new.*}mail.${file##*.}"\n'
            )
        os.chmod(program, 0o755)
        cls.c = Cluster(nodes=2, config=f"mail_program = {program}\n").__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        cls.dir = tempfile.mkdtemp(prefix="clients-", dir=pwd.getpwnam(ALICE).pw_dir)
        entry = pwd.getpwnam(ALICE)
        os.chown(cls.dir, entry.pw_uid, entry.pw_gid)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.mails, ignore_errors=True)
        shutil.rmtree(cls.dir, ignore_errors=True)

    def sh(self, line, input=None, status=0, env=None):
        """A line as the client gives it to a shell; its standard output."""
        variables = {"PATH": slurm_names() + ":/usr/bin:/bin", **(env or {})}
        done = self.c.run(ALICE, "/bin/sh", "-c", line, cwd=self.dir, env=variables, input=input)
        if status is not None:
            self.assertEqual(done.status, status, f"{line}\n{done.out}{done.err}")
        self.last = done
        return done.out

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)
        return path

    def ends(self, line_of_state, pattern):
        """Polls as the client does until its own pattern is found."""
        found = wait_until(
            f"{line_of_state}: {pattern}",
            lambda: re.search(pattern, self.sh(line_of_state, status=None), re.M),
        )
        return found

    def read(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return f.read()
