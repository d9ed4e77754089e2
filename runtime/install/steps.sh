# How a step of the installation is run: said, watched, locked, and its failure put into one sentence. Sourced by bring.sh.

began=$(date +%s)
child=
say() { printf 'srdit: %s\n' "$*" >&2; }
fail() { say "$*"; exit 69; }

# The step under way ends with us; what it wrote so far lies in its own place and is taken up or cleared by the next run.
ended() {
  trap - INT TERM HUP
  # -s, not -TERM: dash takes no group after the latter.
  [ -z "$child" ] || { kill -s TERM -- "-$child" 2>/dev/null || kill -s TERM "$child" 2>/dev/null || :; }
  say 'stopped; the same command goes on from here'
  exit "$1"
}
trap 'ended 130' INT
trap 'ended 143' TERM
trap 'ended 129' HUP

# only_one DESCRIPTOR FILE DOING: holds the file's lock until this process and its children are gone; waits if another has it.
only_one() {
  eval "exec $1>>\"\$2\"" || fail "Cannot write '$2'. Set SRDIT_CACHE to a folder that you can write"
  flock -n "$1" && return
  say "another srdit $3; waiting for it"
  flock "$1"
}

# room MEGABYTES FOLDER WHAT
room() {
  free=$(df -Pk "$2" | awk 'NR == 2 { print int($4 / 1024) }')
  [ "$free" -ge "$1" ] || fail "$3 needs $1 MB in '$2', which has $free MB free. Free some, or set SRDIT_CACHE to a folder on a larger disk"
}

# step WHAT MEGABYTES FOLDER COMMAND...: runs the command with its output kept aside, and shows how far FOLDER has grown towards
# MEGABYTES (0: how large it gets is not known). Returns the command's status; its output is then in $log.
step() {
  what=$1 total=$2 folder=$3
  shift 3
  mkdir -p "$cache/logs"
  log=$cache/logs/$(printf '%s' "$what" | tr -c 'A-Za-z0-9._-' '_').log
  started=$(date +%s)
  # In a group of its own where the system can, so that a stop reaches all of the step.
  if command -v setsid >/dev/null 2>&1; then setsid "$@" >"$log" 2>&1 </dev/null & else "$@" >"$log" 2>&1 </dev/null & fi
  child=$!
  if [ -t 2 ]; then period=1; else
    period=10
    if [ "$total" -gt 0 ]; then say "$what ($total MB)"; else say "$what"; fi
  fi
  ticks=0
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.2
    ticks=$((ticks + 1))
    [ $((ticks % (period * 5))) -eq 0 ] || continue
    size=$(du -sm "$folder" 2>/dev/null | cut -f1) || size=
    size=${size:-0}
    far=
    if [ "$total" -gt 0 ]; then
      percent=$((size * 100 / total))
      [ "$percent" -le 99 ] || percent=99
      far="$size of $total MB, $percent %, "
    fi
    far="$what: $far$(($(date +%s) - started)) s"
    if [ -t 2 ]; then printf '\rsrdit: %s\033[K' "$far" >&2; else say "$far"; fi
  done
  status=0
  wait "$child" || status=$?
  child=
  [ ! -t 2 ] || printf '\r\033[K' >&2
  [ "$status" -ne 0 ] || say "$what: done in $(($(date +%s) - started)) s"
  return "$status"
}

# broken WHAT: the sentence for a step that failed, from what its command said.
broken() {
  if grep -qiE 'ENOSPC|No space left' "$log"; then
    fail "$1 filled the disk of '$cache'. Free some space, or set SRDIT_CACHE to a folder on a larger disk, and run the command again"
  elif grep -qiE 'EINTEGRITY|DO NOT MATCH THE HASHES|digest differs' "$log"; then
    fail "$1 came with another digest than the pinned one, so it was thrown away. Look whether a proxy or mirror changes files, and run the command again (details in '$log')"
  elif grep -qiE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|network|NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|name resolution|Could not fetch URL|Connection refused' "$log"; then
    fail "$1 could not be downloaded. Connect this machine to the network (or set the proxy or mirror of npm and pip) and run the command again (details in '$log')"
  fi
  why=$(grep -v '^[[:space:]]*$' "$log" | grep -iE 'error|fatal|cannot|not found' | grep -viE 'complete log|npm-cache' | head -n 1 | cut -c1-200) || why=
  [ -n "$why" ] || why=$(tail -n 1 "$log" | cut -c1-200)
  fail "$1 failed: ${why:-its command said nothing}. Mend that and run the command again (details in '$log')"
}
