"""File systems in files as images: squashfs, SIF and erofs, which their user may read."""

import json
import os
import pwd
import shutil
import struct
import subprocess
import unittest

from cluster import Cluster, USERS

ALICE, BOB = USERS


class ImageFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(nodes=2).__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)

    def gdimage(self, node, *words, user="root"):
        return self.c.run(user, "gdimage", *words, env={"GD_CONF": self.c.path(node + ".conf")})

    def make_files(self, folder):
        """A squashfs, the same in a SIF file, and an erofs of one small system."""
        root = os.path.join(folder, "root")
        for part in ("bin", "etc", "opt"):
            os.makedirs(os.path.join(root, part))
        shutil.copy("/bin/busybox", os.path.join(root, "bin/busybox"))
        for tool in ("sh", "cat", "echo", "id", "stat"):
            os.symlink("busybox", os.path.join(root, "bin", tool))
        with open(os.path.join(root, "etc/environment"), "w") as f:
            f.write('export LAB="from file"\n')
        with open(os.path.join(root, "opt/own"), "w") as f:
            f.write("of 1000\n")
        os.chown(os.path.join(root, "opt/own"), 1000, 1000)
        squashfs = os.path.join(folder, "tools.sqsh")
        subprocess.run(
            ["mksquashfs", root, squashfs, "-noappend", "-quiet", "-no-progress"], check=True
        )
        erofs = os.path.join(folder, "tools.erofs")
        subprocess.run(["mkfs.erofs", "--quiet", erofs, root], check=True, capture_output=True)
        with open(squashfs, "rb") as f:
            data = f.read()
        head, row = bytearray(128), bytearray(585)
        head[32:44] = b"SIF_MAGIC\x0001"
        struct.pack_into("<QQ", head, 88, 1, 128)
        struct.pack_into("<I?", row, 0, 0x4004, True)
        struct.pack_into("<QQ", row, 17, 4096, len(data))
        struct.pack_into("<II", row, 201, 1, 2)
        with open(os.path.join(folder, "tools.sif"), "wb") as f:
            f.write((bytes(head) + bytes(row)).ljust(4096, b"\0") + data)
        shutil.rmtree(root)

    def test_file_systems_in_files_are_images(self):
        home = pwd.getpwnam(ALICE).pw_dir
        folder = os.path.join(home, "files")
        os.mkdir(folder)
        self.addCleanup(shutil.rmtree, folder)
        self.make_files(folder)
        subprocess.run(["chown", "-R", ALICE, folder], check=True)
        os.chmod(folder, 0o700)
        script = "echo $LAB; cat /opt/own; stat -c %u /opt/own"
        for name, owner in (("tools.sqsh", "1000"), ("tools.sif", "1000"), ("tools.erofs", "0")):
            done = self.c.run(
                ALICE,
                "gdrun",
                "-w",
                "n1",
                "--root",
                "--image",
                "./files/" + name,
                "sh",
                "-c",
                script,
            ).ok()
            self.assertEqual(done.out, f"from file\nof 1000\n{owner}\n", name)
        listed = json.loads(self.gdimage("n1", "list", "--json", user=ALICE).out)["images"]
        digests = {i["name"].split(":")[0]: i["digest"] for i in listed if folder in i["name"]}
        self.assertEqual(digests["squashfs"], digests["sif"])
        # Hers, and only as long as she may read it: not Bob's, by whatever name.
        for image in (folder + "/tools.sqsh", "sif:" + folder + "/tools.sif"):
            done = self.c.run(BOB, "gdrun", "--image", image, "true")
            self.assertNotEqual(done.status, 0)
            self.assertIn("Permission denied", done.err)
        self.assertNotIn(folder, self.gdimage("n1", "list", user=BOB).out)
        self.assertEqual(self.gdimage("n1", "verify").status, 0)

    def test_gdimage_imports_files_by_their_look(self):
        folder = os.path.join(pwd.getpwnam(BOB).pw_dir, "import")
        os.mkdir(folder)
        self.addCleanup(shutil.rmtree, folder)
        self.make_files(folder)
        os.rename(folder + "/tools.sqsh", folder + "/no-suffix")
        subprocess.run(["chown", "-R", BOB, folder], check=True)
        for name, kind in (
            ("no-suffix", "squashfs"),
            ("tools.sif", "sif"),
            ("tools.erofs", "erofs"),
        ):
            done = self.gdimage("n2", "import", os.path.join(folder, name), user=BOB)
            self.assertEqual(done.out, f"image {kind}:{folder}/{name} is here\n", done.err)
        with open(folder + "/broken.sqsh", "wb") as f:
            f.write(b"hsqs" + b"\xff" * 4096)
        done = self.gdimage("n2", "-q", "import", folder + "/broken.sqsh", user=BOB)
        self.assertEqual(done.status, 1)
        self.assertIn("sqfs2tar: ", done.err)
        self.assertEqual(done.err.count("\n"), 1)
        with open(folder + "/text.sif", "wb") as f:
            f.write(b"x" * 4096)
        done = self.gdimage("n2", "pull", folder + "/text.sif", user=BOB)
        self.assertEqual(done.status, 1)
        self.assertIn("SIF file: its head is not that of one", done.err)


if __name__ == "__main__":
    unittest.main()
