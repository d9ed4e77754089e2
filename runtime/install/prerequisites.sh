# What must be on the machine already: looked for before anything is downloaded. Sourced by bring.sh.

check_system() {
  system="$(uname -s) $(uname -m)"
  [ "$system" = 'Linux x86_64' ] || fail "TensorFlow's libraries are for Linux x86_64 and this machine is $system. Use a Linux x86_64 machine or container"
  getconf GNU_LIBC_VERSION >/dev/null 2>&1 || fail "TensorFlow's libraries need glibc, which this system does not have. Use a Debian-like system or container"
  for tool in flock sha256sum tar awk; do
    command -v "$tool" >/dev/null 2>&1 || fail "The tool '$tool' is missing. Install it (on Debian: apt-get install util-linux coreutils tar mawk)"
  done
}

have() { command -v "$1" >/dev/null 2>&1; }

# Sets npm to yes or no, and pip to the command that runs it (empty: none), and refuses what nothing can be done about.
find_tools() {
  npm=no
  if have npm; then
    version=$(npm --version 2>/dev/null) || version=0
    # Workspaces came with 7; 8 is the first that installs them from a lock file without fault.
    [ "${version%%.*}" -lt 8 ] || npm=yes
  fi
  pip=
  if have python3; then
    if python3 -m pip --version >/dev/null 2>&1; then pip='python3 -m pip'; elif have pip3 && pip3 --version >/dev/null 2>&1; then pip=pip3; fi
  fi
  have g++ || addons_cached || fail 'g++ is missing, which compiles the two native addons. Install it (on Debian: apt-get install g++) and run the command again'
  [ -n "$pip" ] || [ -f "$tensorflow/complete" ] ||
    fail 'pip is missing, which brings the libraries of TensorFlow. Install it (on Debian: apt-get install python3-pip) and run the command again'
}
