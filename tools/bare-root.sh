#!/bin/bash
# A clean checkout on a bare Debian 12, as a new user has it: make run, make test.
#
#   tools/bare-root.sh [COMMAND]      default: make run && make test
#
# Makes a root with mmdebstrap (nothing in it but git, make and sudo), clones the committed state
# of this tree into it, and runs COMMAND there as a regular user who may use sudo, in mount, pid,
# ipc and uts namespaces of its own. Needs root and a network; some minutes, 2 GB, removed after.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" = 0 ] || exec sudo -- "$0" "$@"
"$top/tools/deps.sh" vm

root=$(mktemp -d /var/tmp/gd-bare.XXXXXX)
trap 'rm -rf --one-file-system "$root"' EXIT
echo "bare-root: making a fresh Debian 12 in $root"
mmdebstrap --quiet --variant=minbase --include=git,make,sudo,ca-certificates bookworm "$root"
chroot "$root" useradd --create-home --shell /bin/bash carol
echo 'carol ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/carol"
git -c safe.directory='*' clone --quiet "$top" "$root/home/carol/gd"
chroot "$root" chown -R carol: /home/carol
printf '127.0.0.1 localhost bare\n' >"$root/etc/hosts"

command=${1:-make run && make test}
# shellcheck disable=SC2016  # expanded inside
unshare --mount --pid --ipc --uts --fork --kill-child bash -euc '
  hostname bare
  mount --bind "$1" "$1"
  mount -t proc proc "$1/proc"
  mount --rbind /sys "$1/sys"
  mount --rbind /dev "$1/dev"
  mount -t tmpfs tmpfs "$1/run"
  cd "$1"
  mkdir -p .old
  pivot_root . .old
  umount -l /.old
  exec su --login carol --command "cd gd && $2"
' bare-root "$root" "$command"
