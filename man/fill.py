"""Writes one manual page: the prose of PAGE.in with @OPTIONS@ and @VERSION@ filled in.

    fill.py PROGRAM COMMAND VERSION PAGE.in PAGE

@OPTIONS@ is what PROGRAM prints for --gd-dump=man when it is started under the name COMMAND, so
the table is the parser's own.
"""
import subprocess
import sys

gd, command, version, source, target = sys.argv[1:]
options = subprocess.run([command, "--gd-dump=man"], executable=gd, check=True, capture_output=True,
                         text=True).stdout
with open(source, encoding="utf-8") as page:
    text = page.read()
for mark in ("@OPTIONS@\n", "@VERSION@"):
    if mark not in text:
        sys.exit(f"{source}: {mark.strip()} is missing")
with open(target, "w", encoding="utf-8") as page:
    page.write(text.replace("@OPTIONS@\n", options).replace("@VERSION@", version))
