#!/bin/bash
# What must hold on a machine with systemd and cgroup v2 only. Runs inside the guest, as root, in
# the folder that run.sh filled; see there. Each check is a sentence and a command; what a failed
# one printed stands below it. The guest is slow: waits are for a condition, up to wait_s.
# shellcheck disable=SC2317  # functions are called by name, through check
set -u
readonly wait_s=90
readonly jobs_group=/sys/fs/cgroup/system.slice/gdjobs.service
passed=0
failed=0

check() {  # check SENTENCE COMMAND...
  local sentence=$1 begin=$SECONDS
  shift
  if "$@" >/tmp/check.out 2>&1; then
    passed=$((passed + 1))
    echo "ok      $sentence ($((SECONDS - begin)) s)"
  else
    failed=$((failed + 1))
    echo "FAILED  $sentence ($((SECONDS - begin)) s)"
    tail -n 20 /tmp/check.out | sed 's/^/        /'
  fi
}

finish() {
  if [ "$failed" != 0 ]; then journalctl -o cat -u gdctld -u gdnoded -u gdjobs | tail -n 60; fi
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
  exit
}

wait_for() {  # wait_for COMMAND...
  local end=$((SECONDS + wait_s))
  until "$@"; do
    if [ "$SECONDS" -ge "$end" ]; then
      echo "not within $wait_s s: $*"
      return 1
    fi
    sleep 0.3
  done
}

as_alice() { (cd /home/alice && exec setpriv --reuid alice --regid alice --init-groups \
  env -i HOME=/home/alice USER=alice PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 "$@"); }

submit() { as_alice gdsub --parsable "$@" | cut -d';' -f1; }
state_of() { gdacct -n -X -P -o State -j "$1" | head -n 1 | cut -d' ' -f1; }
has_state() { [ "$(state_of "$1")" = "$2" ]; }
is_running() { [ "$(gdstat -h -j "$1" -o %T)" = RUNNING ]; }
file_has() { grep -q -- "$2" "/home/alice/$1"; }
groups_left() { find "$jobs_group" -type d -name 'job_*' | grep -q .; }
nothing_left() { ! groups_left && ! pgrep -u alice; }

# -- the machine and the services

only_cgroup_v2() { [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; }
account_gd_exists() { getent passwd gd && [ "$(stat -c %U /var/lib/gd)" = gd ]; }

start_controller() {
  systemctl start gdctld && wait_for gdctl ping
}
controller_is_gd() { [ "$(ps -o user= -p "$(systemctl show -P MainPID gdctld)")" = gd ]; }
authd_is_root() { [ "$(ps -o user= -C gdauthd | sort -u | tr -d ' ')" = root ]; }

start_node() {
  local token
  token=$(gdctl node token "$(hostname -s)" | awk 'END {print $NF}')
  gdnoded --config /etc/gd/gd.conf --join "$token" && systemctl start gdjobs gdnoded &&
    wait_for node_is_idle
}
node_is_idle() { gdinfo -h -o %T | grep -q '^idle'; }

# -- jobs

job_runs_as_alice() {
  local job
  job=$(submit -o out --wrap 'id -un; pwd; grep ^CapEff /proc/self/status') || return 1
  wait_for has_state "$job" COMPLETED && cat /home/alice/out &&
    file_has out '^alice$' && file_has out '^/home/alice$' && file_has out '0000000000000000$'
}

limits_are_set() {
  local job group
  job=$(submit --mem=64M -c 2 --wrap 'sleep 1000') || return 1
  wait_for is_running "$job" && wait_for groups_left
  group=$(find "$jobs_group" -type d -name "job_$job.*" | head -n 1)
  grep . "$group"/{memory.max,cpu.max,cpuset.cpus,pids.max}
  [ "$(cat "$group/memory.max")" = $((64 << 20)) ] || return 1
  [ "$(cat "$group/pids.max")" != max ] || return 1
  [ "$(cat "$group/cpuset.cpus")" = 0-1 ] || return 1  # its own, which it is confined to
  as_alice gdkill "$job" && wait_for has_state "$job" CANCELLED && wait_for nothing_left
}

oom_is_told() {
  local job
  job=$(submit --mem=48M --wrap 'head -c 300M /dev/zero | tail') || return 1
  wait_for has_state "$job" OUT_OF_MEMORY && wait_for nothing_left
}

timeout_is_told() {
  local job
  job=$(submit -t 0:05 --wrap 'sleep 1000 & sleep 1000') || return 1
  wait_for has_state "$job" TIMEOUT && wait_for nothing_left
}

cancel_leaves_nothing() {
  local job
  job=$(submit --wrap 'trap "" TERM; setsid sleep 1000 & sleep 1000') || return 1
  wait_for is_running "$job" && as_alice gdkill "$job" &&
    wait_for has_state "$job" CANCELLED && wait_for nothing_left
}

survives() {  # survives COMMAND...: a running job outlives what COMMAND does, and ran once
  local job
  rm -f /home/alice/{starts,go}
  job=$(submit --wrap 'echo start >>starts; until [ -e go ]; do sleep 0.2; done; exit 7') ||
    return 1
  wait_for is_running "$job" && wait_for test -s /home/alice/starts
  "$@" || return 1
  wait_for gdctl ping && wait_for is_running "$job"
  as_alice touch /home/alice/go
  wait_for has_state "$job" FAILED || { gdacct -j "$job"; return 1; }
  [ "$(gdacct -n -X -P -o ExitCode -j "$job")" = 7:0 ] && [ "$(wc -l </home/alice/starts)" = 1 ]
}
kill_agent() { systemctl kill --kill-whom=main -s KILL gdnoded && wait_for node_answers; }
kill_controller() { systemctl kill -s KILL gdctld && wait_for gdctl ping; }
node_answers() { systemctl is-active gdnoded; }

acknowledged_jobs_stay() {
  local job
  job=$(submit -H --wrap true) || return 1
  kill_controller && [ "$(gdstat -h -j "$job" -o %T)" = PENDING ] && as_alice gdkill "$job"
}

stopping_leaves_no_job() {
  local job
  job=$(submit --wrap 'sleep 1000') || return 1
  wait_for is_running "$job" && systemctl stop gdjobs && wait_for nobody_runs
}
nobody_runs() { ! pgrep -u alice; }

nothing_runs() { ! pgrep -l '^gd'; } # a shepherd whose end nobody asks for leaves after 15 s
purge_leaves_nothing() {
  dpkg --purge gd && wait_for nothing_runs && ! systemctl list-unit-files 'gd*' | grep '^gd' &&
    ! find / -xdev '(' -path /home -o -path /root ')' -prune -o -name 'gd*' -newer /etc/hostname \
      -print | grep .
}

useradd --create-home --shell /bin/bash alice
check "the guest has cgroup v2 and nothing else" only_cgroup_v2
check "the package installs" dpkg --install gd_*.deb
check "the controller's folder belongs to the account gd" account_gd_exists
printf 'kill_wait = 2s\n' >/etc/gd/gd.conf
check "gdctld starts and answers" start_controller
check "gdctld runs as gd" controller_is_gd
check "gdauthd runs as root" authd_is_root
check "a node joins and is idle" start_node
check "a job runs as its user, at home, without capabilities" job_runs_as_alice
check "limits stand in the job's control group" limits_are_set
check "out of memory is told as such" oom_is_told
check "the time limit ends a job" timeout_is_told
check "cancel leaves no process and no group" cancel_leaves_nothing
check "a job outlives a restart of gdnoded" survives systemctl restart gdnoded
check "a job outlives kill -9 of gdnoded" survives kill_agent
check "a job outlives a restart of gdctld" survives systemctl restart gdctld
check "a job outlives kill -9 of gdctld" survives kill_controller
check "an acknowledged job outlives kill -9 of gdctld" acknowledged_jobs_stay
check "a job outlives an upgrade of the package" survives dpkg --install gd_*.deb
check "stopping gdjobs.service ends every job" stopping_leaves_no_job
check "a purge of the package leaves the account and the keys in homes" purge_leaves_nothing
finish
