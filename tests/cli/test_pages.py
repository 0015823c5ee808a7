"""The manual pages: groff reads them without a warning, the examples are in the grammar."""
import glob
import os
import shutil
import subprocess
import unittest

from support import BUILD, COMMANDS


class Pages(unittest.TestCase):
    def pages(self):
        found = sorted(glob.glob(os.path.join(BUILD, "man", "gd*.[158]")))
        self.assertGreaterEqual(len(found), len(COMMANDS) + 2)
        return found

    def test_no_mark_is_left(self):
        for page in self.pages():
            with open(page, encoding="utf-8") as text:
                self.assertNotRegex(text.read(), r"@[A-Z]+@", page)

    def test_groff_has_nothing_to_say(self):
        groff = shutil.which("groff")
        if groff is None:
            self.skipTest("no groff here")
        for page in self.pages():
            done = subprocess.run([groff, "-man", "-Tutf8", "-ww", "-z", page],
                                  capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)

    def test_whatis_can_read_the_name_line(self):
        for page in self.pages():
            with open(page, encoding="utf-8") as text:
                lines = text.read().split("\n")
            name = os.path.basename(page).rsplit(".", 1)[0]
            self.assertTrue(lines[lines.index(".SH NAME") + 1].startswith(name + " \\- "), page)


if __name__ == "__main__":
    unittest.main()
