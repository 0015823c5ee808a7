#!/bin/bash
# The services as an administrator has them, in a guest with systemd and cgroup v2 only.
#
#   tests/vm/run.sh BUILD_FOLDER
#
# Makes the Debian package of the build in a folder that the guest sees, and runs scenario.sh
# there. Last line: "N passed, N failed". Needs root (9p serves files as their owners) and some
# minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:?usage: tests/vm/run.sh BUILD_FOLDER}
[ "$(id -u)" = 0 ] || exec sudo -- "$0" "$@"

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
build=$(cd "$build" && pwd)
"$here/../../tools/package.sh" "$build" "$stage" >/dev/null
cp "$here/scenario.sh" "$stage/"
"$here/guest.sh" -t 420 "$stage" bash scenario.sh
