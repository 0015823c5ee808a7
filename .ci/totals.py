#!/usr/bin/env python3
"""Sums test cases over build folders: prints "N passed, N failed", exits 1 if any failed.

    totals.py PASSED FAILED BUILD_FOLDER...

PASSED and FAILED are checks counted elsewhere, added to the sum. A program that
tells its cases (GoogleTest's closing lines, or a line "N passed, N failed")
counts with each of them, any other as one. One that died before it could tell
counts as a failure.
"""

import json
import pathlib
import re
import sys

NEUTRAL = {"SKIP", "IGNORED"}
GTEST_PASSED = re.compile(r"^\[  PASSED  \] (\d+) tests?\.", re.M)
GTEST_FAILED = re.compile(r"^\[  FAILED  \] (\d+) tests?, listed below", re.M)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)


def cases_of(test):
    """(passed, failed) of one entry of meson's testlog.json."""
    result, out = test["result"], test.get("stdout") or ""
    if result in NEUTRAL:
        return 0, 0
    passed = sum(map(int, GTEST_PASSED.findall(out)))
    failed = sum(map(int, GTEST_FAILED.findall(out)))
    for good, bad in PLAIN.findall(out):
        passed += int(good)
        failed += int(bad)
    ok = result in {"OK", "EXPECTEDFAIL"}
    if ok and passed + failed == 0 and "[  PASSED  ]" not in out:
        passed = 1
    if not ok and failed == 0:
        failed = 1
    return passed, failed


def totals_of(folder):
    log = folder / "meson-logs" / "testlog.json"
    if not log.exists():
        return 0, 0
    counts = [cases_of(json.loads(line)) for line in log.read_text().splitlines()]
    return sum(c[0] for c in counts), sum(c[1] for c in counts)


def main(arguments):
    passed, failed = int(arguments[0]), int(arguments[1])
    for folder in arguments[2:]:
        more = totals_of(pathlib.Path(folder))
        passed += more[0]
        failed += more[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
