#!/bin/bash
# Boots a throw-away Debian 12 guest (systemd, cgroup v2 only) under qemu and runs a command in it.
#
#   tests/vm/guest.sh [-t SECONDS] FOLDER COMMAND...
#
# FOLDER is /mnt/host in the guest, read-write, and where the command starts, as root. Its output
# streams through; exit status: the command's, 124 out of time, 125 the guest gave no status.
# The disk image is made once (about 90 s, 600 MB) below $GD_VM_DIR and never written to: each boot
# works on a snapshot. The processor is emulated unless GD_VM_ACCEL=kvm: some 20 times slower, so
# this is for function, not for figures; expect 15 to 40 s to the command.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${GD_VM_DIR:-${XDG_CACHE_HOME:-/var/tmp}/gd-vm}
limit=300
if [ "${1-}" = -t ]; then limit=$2 && shift 2; fi
[ $# -ge 2 ] || { sed -n '4p' "$0" >&2 && exit 2; }
share=$(cd "$1" && pwd)
shift

packages="systemd systemd-sysv dbus udev kmod linux-image-amd64 busybox-static iproute2 procps
  passwd libpam-systemd libpam-modules libzmq5 libsodium23 liblmdb0 libseccomp2 libcap2 libstdc++6
  libarchive13 libncursesw6"
include=$(tr -s ' \n' ',' <<<"$packages" | sed 's/,$//')

# Units that a guest of one minute does without.
idle_units="getty.target serial-getty@ttyS0.service apt-daily.timer apt-daily-upgrade.timer
  dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
  systemd-timesyncd.service systemd-random-seed.service systemd-pstore.service
  systemd-update-utmp.service systemd-journal-flush.service dev-hugepages.mount"

add_command_unit() {  # $1: root of the guest
  cat >"$1/usr/local/sbin/guest-command" <<'GUEST'
#!/bin/bash
mkdir -p /mnt/host /mnt/control
options=trans=virtio,version=9p2000.L,msize=262144
mount -t 9p -o $options control /mnt/control
exec >/mnt/control/out 2>&1 </dev/null
mount -t 9p -o $options host /mnt/host && cd /mnt/host
HOME=/root bash /mnt/control/command
echo $? >/mnt/control/status
GUEST
  chmod 755 "$1/usr/local/sbin/guest-command"
  cat >"$1/etc/systemd/system/guest-command.service" <<'GUEST'
[Unit]
After=basic.target dbus.socket
SuccessAction=poweroff-immediate
FailureAction=poweroff-immediate
[Service]
Type=exec
ExecStart=/usr/local/sbin/guest-command
[Install]
WantedBy=multi-user.target
GUEST
  local wants=$1/etc/systemd/system/multi-user.target.wants
  mkdir -p "$wants"
  ln -s ../guest-command.service "$wants/"
}

build_image() {
  echo "guest: making the disk image $image.disk" >&2
  local root=$image.root unit
  rm -rf "$root"
  # The initial root is ours, so the kernel package need not make one.
  mmdebstrap --quiet --variant=minbase --include="$include" \
    --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/etc/kernel/postinst.d/initramfs-tools' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/lib/modules/*/kernel/drivers/gpu/*' \
    --dpkgopt='path-exclude=/lib/modules/*/kernel/drivers/media/*' \
    --dpkgopt='path-exclude=/lib/modules/*/kernel/drivers/net/*' \
    --dpkgopt='path-exclude=/lib/modules/*/kernel/sound/*' \
    bookworm "$root" >"$image.log" 2>&1 || {
    tail -n 5 "$image.log" >&2
    return 1
  }
  python3 "$here/initrd.py" "$root" "$image"
  add_command_unit "$root"
  for unit in $idle_units; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
  printf 'overlay\nloop\n' >"$root/etc/modules-load.d/guest.conf"
  sed -i 's/^#Storage=.*/Storage=volatile/' "$root/etc/systemd/journald.conf"
  echo guest >"$root/etc/hostname"
  printf '127.0.0.1 localhost guest\n' >"$root/etc/hosts"
  : >"$root/etc/fstab"
  rm -rf "${root:?}"/var/cache/apt/* "${root:?}"/var/lib/apt/lists/* "${root:?}"/boot/*
  truncate -s 3G "$image.part"
  mke2fs -q -F -t ext4 -O ^has_journal -d "$root" "$image.part"
  rm -rf "$root"
  rm -f "$cache"/*.disk  # earlier recipes; a running guest keeps its own open
  mv "$image.part" "$image.disk"
}

boot() {  # runs until the guest powers off; its console goes to $control/console
  local accel=(-accel "tcg,thread=multi,tb-size=512" -cpu max)
  [ "${GD_VM_ACCEL-}" != kvm ] || accel=(-accel kvm -cpu host)
  exec timeout --foreground "$limit" qemu-system-x86_64 -machine q35 "${accel[@]}" \
    -m "${GD_VM_MEMORY:-2048}" -smp 2 -nodefaults -no-user-config -display none -no-reboot \
    -kernel "$image.kernel" -initrd "$image.initrd" \
    -append "console=ttyS0 quiet loglevel=3 mitigations=off panic=-1 tsc=reliable \
      systemd.show_status=0" \
    -drive "file=$image.disk,if=virtio,format=raw,snapshot=on" \
    -virtfs "local,path=$share,mount_tag=host,security_model=none,multidevs=remap" \
    -virtfs "local,path=$control,mount_tag=control,security_model=none" \
    -device virtio-rng-pci -serial "file:$control/console" </dev/null
}

mkdir -p "$cache"
recipe=$(declare -f build_image add_command_unit && cat "$here/initrd.py" && echo "$include")
image=$cache/$(md5sum <<<"$recipe" | cut -c1-12)
(
  flock 9
  [ -e "$image.disk" ] || build_image
) 9>"$cache/lock"

control=$(mktemp -d "$cache/run.XXXXXX")
trap 'rm -rf "$control"' EXIT
if [ $# = 1 ]; then printf '%s\n' "$1"; else printf '%q ' "$@"; fi >"$control/command"
: >"$control/out"
boot &
qemu=$!
tail --pid="$qemu" -s 0.2 -n +1 -f "$control/out" &
ended=0
wait "$qemu" || ended=$?
wait
[ "$ended" != 124 ] || { echo "guest: out of time after $limit s" >&2 && exit 124; }
if ! [ -s "$control/status" ]; then
  echo "guest: no status from the command; the console said:" >&2
  tail -n 20 "$control/console" >&2
  exit 125
fi
exit "$(cat "$control/status")"
