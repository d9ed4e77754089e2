#!/bin/bash
# A machine inside this machine, with mounts, processes and a network of its own, so that etcd, kubelets, containers, bridges and iptables rules
# of a cluster all end with its first process, whatever kills that.
#   machine.sh outside RUN HELD NAME   makes it, waits for its end and removes what is left: the folder RUN, cgroups and the link called NAME.
#                                      Exit code 199: another one holds RUN.lock
#   machine.sh inside RUN HELD         is its first process; writes the file RUN/machine once all is ready.
#                                      HELD=pipe: ends with the standard input, so when its starter is gone; HELD=open: by TERM alone
set -eu
where=$1 run=$2 held=$3

inside() {
  trap 'exit 0' TERM INT
  # Kubelets want mounts that spread to containers; what they write into the system's folders is of no interest to anybody.
  mount --make-rshared /
  for folder in /run /var/log /var/lib/cni; do mkdir -p "$folder" && mount -t tmpfs -o mode=755 tmpfs "$folder"; done
  mkdir -p /run/lock /run/netns
  ip link set lo up
  echo 1 >/proc/sys/net/ipv4/ip_forward
  touch "$run/machine"
  # wait, not a foreground command: a trap runs at once, and what was left behind in the machine is reaped.
  if [ "$held" = pipe ]; then cat <&0 >/dev/null & else sleep infinity & fi
  wait $!
}

clean() {
  ip link delete "$name" 2>/dev/null || :
  find /sys/fs/cgroup /sys/fs/cgroup/* -maxdepth 1 -type d -name "$name" 2>/dev/null | while read -r root; do find "$root" -depth -type d -exec rmdir {} \; 2>/dev/null || :; done
  rm -rf "$run"
}

if [ "$where" = inside ]; then inside; exit; fi
name=$4
# Inherited by everything in the machine: the lock is free exactly when nothing of it lives.
exec 9>>"$run.lock"
flock --nonblock 9 || exit 199
trap '' INT HUP
clean
mkdir -m 700 "$run"
unshare --mount --pid --net --fork --kill-child=KILL --mount-proc bash "$0" inside "$run" "$held" || :
clean
