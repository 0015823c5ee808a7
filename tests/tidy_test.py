#!/usr/bin/env python3
"""The tree is tidy by test: layers, lengths, homes of headers, banned calls, registration, links.

    tests/tidy_test.py [PATH...]       all files that git knows or would add, or only those named

First every rule is fed examples that break it and examples that do not (tests/tidy/examples.py),
so a rule that no longer fires fails here. Then the tree: one line "path:line: rule: message" for
each finding. The last line is "N passed, N failed", counted in rules. Standard library only; some
seconds for the whole tree.
"""

import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from tidy.examples import EXAMPLES, TREE_EXAMPLES  # noqa: E402
from tidy.rules import RULES  # noqa: E402
from tidy.source import Source  # noqa: E402
from tidy.tree import TREE_RULES  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Told, but not yet counted: the tree is still on its way there.
TOLD_ONLY = {"limits-tested"}
SKIPPED_FOLDERS = {".git", "__pycache__"}


def tracked_files():
    """Files of the tree, from git; from the file system where this is no repository."""
    git = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
                          "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if git.returncode == 0 and git.stdout:
        return sorted(p for p in git.stdout.split("\0") if p and (ROOT / p).is_file())
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS and not f.startswith("build")]
        found += [str((pathlib.Path(folder) / f).relative_to(ROOT)) for f in files]
    return sorted(found)


def read_sources(paths):
    sources = {}
    for path in paths:
        if (ROOT / path).is_symlink():
            continue
        try:
            sources[path] = Source(path, (ROOT / path).read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue  # data: fuzz corpora, images
    return sources


def check_examples():
    """Yields a message for each rule that does not do what its examples say."""
    for rule, path, text, expected in EXAMPLES:
        lines = [line for line, _ in RULES[rule](Source(path, text))]
        if lines != expected:
            yield f"rule {rule} on {path} {text[:60]!r}: found lines {lines}, expected {expected}"
    for rule, tree, expected in TREE_EXAMPLES:
        sources = {path: Source(path, text) for path, text in tree.items()}
        paths = [path for path, _, _ in TREE_RULES[rule](sources)]
        if paths != expected:
            yield f"rule {rule} on {list(tree)}: found {paths}, expected {expected}"
    known = [(rule, bool(expected)) for rule, _, _, expected in EXAMPLES]
    known += [(rule, bool(expected)) for rule, _, expected in TREE_EXAMPLES]
    for rule in [*RULES, *TREE_RULES]:
        for breaks in (True, False):
            if (rule, breaks) not in known:
                yield f"rule {rule} has no example that {'breaks' if breaks else 'keeps'} it"


def findings(sources):
    """Yields (rule, path, line, message) over the tree."""
    for rule, check in RULES.items():
        for path, source in sources.items():
            for line, message in check(source):
                yield rule, path, line, message
    for rule, check in TREE_RULES.items():
        for path, line, message in check(sources):
            yield rule, path, line, message


def main(arguments):
    os.chdir(ROOT)
    broken = list(check_examples())
    for message in broken:
        print("tidy_test: " + message)
    chosen = {str(pathlib.Path(a).resolve().relative_to(ROOT)) for a in arguments}
    failed = set()
    for rule, path, line, message in findings(read_sources(tracked_files())):
        if chosen and path not in chosen:
            continue
        if rule not in TOLD_ONLY:
            failed.add(rule)
        print(f"{path}:{line}: {rule}: {message}")
    rules = len(RULES) + len(TREE_RULES)
    print(f"{rules - len(failed)} passed, {len(failed) + len(broken)} failed")
    return 1 if failed or broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
