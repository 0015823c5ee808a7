#!/bin/bash
# The services as an administrator has them, in a guest with systemd and cgroup v2 only.
#
#   tests/vm/run.sh BUILD_FOLDER
#
# Installs the build into a folder that the guest sees, and runs scenario.sh there. Last line:
# "N passed, N failed". Needs root (9p serves files as their owners) and some minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:?usage: tests/vm/run.sh BUILD_FOLDER}
[ "$(id -u)" = 0 ] || exec sudo -- "$0" "$@"

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
DESTDIR=$stage/install meson install -C "$build" --no-rebuild --quiet
cp "$here/scenario.sh" "$stage/"
"$here/guest.sh" -t 420 "$stage" bash scenario.sh
