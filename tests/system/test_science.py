"""A piece of science as its users would do it: examples/hmmer on an image with Debian's HMMER."""

import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

from cluster import Cluster, USERS
from debian_image import make_debian_image

ALICE = USERS[0]
EXAMPLE = os.path.join(os.path.dirname(__file__), "../../examples/hmmer/job.sh")
SEQUENCES = "usr/share/doc/hmmer/examples/tutorial/globins45.fa"
PARTS = 5


class Science(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="gd-hmmer-", dir="/var/tmp")
        os.chmod(cls.work, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        cls.image = os.path.join(cls.work, "hmmer")
        make_debian_image(cls.image, "hmmer", "hmmer-examples")
        cls.c = Cluster(nodes=2).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def test_an_array_over_files_in_the_home_finds_all_globins(self):
        folder = tempfile.mkdtemp(prefix="globins.", dir=pwd.getpwnam(ALICE).pw_dir)
        self.addCleanup(shutil.rmtree, folder)
        os.mkdir(folder + "/parts")
        with open(os.path.join(self.image, SEQUENCES)) as f:
            sequences = [">" + text for text in f.read().split(">")[1:]]
        for part in range(PARTS):
            with open(f"{folder}/parts/{part + 1}.fa", "w") as f:
                f.write("".join(sequences[part::PARTS]))
        subprocess.run(["chown", "-R", ALICE, folder], check=True)
        job = self.c.submit(ALICE, "--image", self.image, f"--array=1-{PARTS}", EXAMPLE, cwd=folder)
        for part in range(PARTS):
            self.assertEqual(self.c.wait_end(f"{job}_{part + 1}")["state"], "COMPLETED")
        found = []
        for part in range(PARTS):
            with open(f"{folder}/hits.{part + 1}") as f:
                found += [line.split()[0] for line in f if not line.startswith("#")]
        names = [text[1:].split()[0] for text in sequences]
        self.assertEqual(sorted(found), sorted(names))  # each of the 45 is one, says the profile


if __name__ == "__main__":
    unittest.main()
