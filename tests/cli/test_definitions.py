"""One definition a command: no name or letter twice, and every option in the help, the
manual page and the completions of three shells, because they come from it."""
import collections
import os
import re
import subprocess
import tempfile
import unittest

from support import BUILD, COMMANDS, SLURM, built, definition, run


class Definitions(unittest.TestCase):
    def test_no_option_twice(self):
        for command in COMMANDS:
            options = definition(command)["options"]
            for kind in ("name", "letter"):
                counts = collections.Counter(o[kind] for o in options if o[kind])
                self.assertEqual([k for k, n in counts.items() if n > 1], [], f"{command}: {kind}")

    def test_every_option_has_a_sentence(self):
        for command in COMMANDS:
            for option in definition(command)["options"]:
                if option["hidden"]:
                    continue
                self.assertRegex(option["help"], r"^[A-Z].*[^.]$", f"{command} --{option['name']}")

    def test_every_option_is_everywhere(self):
        for command in COMMANDS:
            texts = {
                "help": run(command, "--help").stdout,
                "man": built("man", command + ".1").replace("\\-", "-"),
                "bash": built("completions", command + ".bash"),
                "zsh": built("completions", "_" + command),
                "fish": built("completions", command + ".fish"),
            }
            for option in definition(command)["options"]:
                name = option["name"]
                for where, text in texts.items():
                    dashes = f"-l {name}" if where == "fish" else f"--{name}"
                    found = re.search(re.escape(dashes) + r"(?![\w-])", text) is not None
                    if option["refused"]:
                        if where not in ("man",):
                            self.assertFalse(found, f"{command}: {where} offers refused --{name}")
                    elif not option["hidden"]:
                        self.assertTrue(found, f"{command}: {where} lacks --{name}")


class Compat(unittest.TestCase):
    def rows(self):
        done = run("gdctl", "compat")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        self.assertEqual({len(row) for row in rows}, {4})
        return rows

    def test_every_name_of_slurm_is_there(self):
        self.assertEqual({row[0] for row in self.rows()}, set(SLURM))

    def test_what_it_says_is_so(self):
        for command, names, verdict, _ in self.rows():
            if verdict != "refused" or not names:
                continue
            name = [n for n in names.split(",") if n.startswith("--")][0]
            done = run(command, name)
            self.assertNotEqual(done.returncode, 0, f"{command} {name}")
            self.assertIn(name.lstrip("-"), done.stderr, f"{command} {name}")


class Import(unittest.TestCase):
    def test_a_slurm_conf_becomes_a_gd_conf_and_says_what_did_not(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
            conf.write("ClusterName=lab\nPreemptMode=SUSPEND,GANG\nPartitionName=p Nodes=ALL\n")
            conf.flush()
            done = run("gdctl", "import", "slurm.conf", conf.name)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("cluster = lab\n", done.stdout)
            self.assertIn("[partition p]\nnodes = ALL\n", done.stdout)
            self.assertEqual(done.stderr, f"gdctl: {conf.name}:2: PreemptMode=SUSPEND,GANG was not "
                                          "carried over\n")
        done = run("gdctl", "import", "slurm.conf", "/nonexistent/slurm.conf")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(run("gdctl", "import", "pbs.conf", "x").returncode, 2)


class BashCompletes(unittest.TestCase):
    def complete(self, command, *words):
        """What bash offers when Tab is pressed behind the last word."""
        script = os.path.join(BUILD, "completions", command + ".bash")
        quoted = " ".join("'" + w + "'" for w in (command, *words))
        code = (f". '{script}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; "
                f"_{command}; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        done = subprocess.run(["bash", "--norc", "-c", code], capture_output=True, text=True,
                              check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_options(self):
        self.assertEqual(self.complete("gdsub", "--cpus"), ["--cpus-per-task"])
        self.assertIn("--time", self.complete("gdsub", "--t"))
        self.assertIn("--array", self.complete("gdsub", "--"))
        self.assertNotIn("--switches", self.complete("gdsub", "--"))

    def test_values_of_fixed_sets(self):
        self.assertEqual(self.complete("gdsub", "--open-mode", "a"), ["append"])
        self.assertEqual(self.complete("gdsub", "--open-mode", "=", "t"), ["truncate"])

    def test_verbs(self):
        self.assertEqual(self.complete("gdctl", "rel"), ["release"])
        self.assertEqual(self.complete("gdctl", "show", "part"), ["partition"])

    def test_files_for_scripts(self):
        self.assertIn("/etc/passwd", self.complete("gdsub", "/etc/passw"))

    def test_it_is_registered_for_both_names(self):
        script = os.path.join(BUILD, "completions", "gdsub.bash")
        done = subprocess.run(["bash", "--norc", "-c", f". '{script}'; complete -p gdsub sbatch"],
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.count("-F _gdsub"), 2)


if __name__ == "__main__":
    unittest.main()
