#!/bin/bash
# What must hold on a machine with systemd and cgroup v2 only. Runs inside the guest, as root, in
# the folder that run.sh filled; see there.
set -u
passed=0
failed=0

check() {  # check SENTENCE COMMAND...
  local sentence=$1
  shift
  if "$@" >/tmp/check.out 2>&1; then
    passed=$((passed + 1))
    echo "ok      $sentence"
  else
    failed=$((failed + 1))
    echo "FAILED  $sentence"
    sed 's/^/        /' /tmp/check.out
  fi
}

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
  exit
}

only_cgroup_v2() { [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; }
account_gd_exists() { getent passwd gd && [ "$(stat -c %U /var/lib/gd)" = gd ]; }

cp -a install/. / && ldconfig
check "the guest has cgroup v2 and nothing else" only_cgroup_v2
check "sysusers makes the account" systemd-sysusers
check "tmpfiles makes the folders" systemd-tmpfiles --create
check "the controller's folder belongs to gd" account_gd_exists
check "systemd reads the units" systemctl daemon-reload
finish
