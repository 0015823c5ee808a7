#!/bin/bash
# Installs the Debian packages that a task needs, and only those that are missing.
#
#   tools/deps.sh GROUP...        groups: build test ci bench clients package vm
#
# With nothing missing it costs one dpkg-query (about 50 ms) and prints nothing.
# Otherwise it calls apt-get, through sudo unless it is root already. Package
# lists are fetched only when apt cannot find or fetch a package without.
# Wanted: Debian 12 or a relative with apt. Exit status: 0 all there, 1 not.
set -euo pipefail

readonly lock_timeout_s=600
readonly update_tries=3

declare -A packages_of=(
  [build]="g++ meson ninja-build pkg-config python3 libzmq3-dev cppzmq-dev libmsgpack-cxx-dev
    liblmdb-dev libseccomp-dev libcap-dev libpam0g-dev libsodium-dev
    nlohmann-json3-dev libarchive-dev libgtest-dev libgmock-dev zlib1g-dev
    libncurses-dev libvterm-dev"
  [test]="iproute2 procps util-linux mount passwd tmux crun runc libpam-wrapper pamtester
    busybox-static dpkg-dev mmdebstrap groff-base python3-zmq python3-msgpack skopeo
    docker-registry squashfs-tools squashfs-tools-ng erofs-utils"
  [ci]="git ccache clang-14 clang-format-14 libclang-rt-14-dev shellcheck"
  [bench]="slurm-wlm slurm-client munge slurmdbd mariadb-server libslurm-dev"
  [clients]="snakemake parallel clustershell openmpi-bin libopenmpi-dev mpich libmpich-dev
    rpm dnf createrepo-c"
  [package]="dpkg-dev"
  [vm]="qemu-system-x86 seabios mmdebstrap e2fsprogs dpkg-dev"
)

fail() {
  echo "deps: $*" >&2
  exit 1
}

missing_of() {  # prints the packages among "$@" that are not installed
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
  local package
  for package in "$@"; do
    grep -qx "installed $package" <<<"$installed" || echo "$package"
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q \
    -o DPkg::Lock::Timeout="$lock_timeout_s" -o Acquire::Retries=2 "$@" </dev/null
}

update_lists() {  # another apt may hold the lists, which apt-get does not wait for
  local try
  for ((try = 1; try <= update_tries; try++)); do
    apt update >>"$log" 2>&1 && return 0
    grep -q 'Could not get lock' "$log" || return 0  # one dead source need not matter
    sleep 10
  done
}

install_all() { apt install -y --no-install-recommends "$@" >>"$log" 2>&1; }

[ $# -gt 0 ] || fail "no group given; name some of: build test ci bench clients package vm"
packages=()
for group in "$@"; do
  [ -n "${packages_of[$group]-}" ] ||
    fail "unknown group '$group'; there are: build test ci bench clients package vm"
  read -r -d '' -a more <<<"${packages_of[$group]}" || true
  packages+=("${more[@]}")
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  fail "this machine has no apt; install by hand what provides: ${packages[*]}"
fi
mapfile -t missing < <(missing_of "${packages[@]}")
[ ${#missing[@]} -gt 0 ] || exit 0
[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
  fail "neither root nor sudo here; as root: apt-get install ${missing[*]}"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "deps: installing ${missing[*]}"
if ! apt install --simulate --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
  ! install_all "${missing[@]}"; then
  update_lists
  if ! install_all "${missing[@]}"; then
    reason=$(grep -E '^(E|Err):?' "$log" | tail -n 1 || true)
    fail "cannot install ${missing[*]}: ${reason:-apt-get failed}; is there a network?"
  fi
fi
