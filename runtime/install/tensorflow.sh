# TensorFlow's libraries (and, for GPUs, CUDA's) out of the pinned wheels. Sourced by bring.sh.
# Each wheel is downloaded by pip, which checks its sha256, unpacked and marked; a kill costs the wheel that was under way.

pins=$(sha256sum <"$install/$flavour.wheels")
tensorflow=$cache/tensorflow/$flavour-$(printf '%s' "$pins" | cut -c1-12)

bring_tensorflow() {
  [ ! -f "$tensorflow/complete" ] || return 0
  wanted=0
  while read -r line; do
    case $line in '#'* | '') continue ;; esac
    # shellcheck disable=SC2086 # the line is a list of fields
    set -- $line
    [ -f "$tensorflow.partial/.done/$1" ] || wanted=$((wanted + $7 * 4))
  done <"$install/$flavour.wheels"
  mkdir -p "$tensorflow.partial/.done"
  room "$wanted" "$cache" 'TensorFlow'
  bring_wheels "$install/$flavour.wheels" "$tensorflow.partial"
  [ -f "$tensorflow.partial/tensorflow/libtensorflow_cc.so.2" ] || fail "The wheels in '$install/$flavour.wheels' hold no libtensorflow_cc.so.2. Restore that file from the repository"
  rm -rf "$tensorflow.partial/.done" "$tensorflow.partial/.download"
  : >"$tensorflow.partial/complete"
  settle "$tensorflow.partial" "$tensorflow"
}

# bring_wheels LIST INTO
bring_wheels() {
  # Descriptor 3: a loop that reads its list from the standard input breaks with the first command in it that reads.
  while read -r line <&3; do
    # shellcheck disable=SC2086 # the line is the list of arguments
    case $line in '#'* | '') ;; *) bring_wheel "$2" $line ;; esac
  done 3<"$1"
}

# bring_wheel INTO NAME VERSION PYTHON ABI PLATFORM SHA256 MEGABYTES KEPT...
bring_wheel() {
  into=$1 name=$2 release=$3 python=$4 abi=$5 platform=$6 sha256=$7 megabytes=$8
  shift 8
  [ ! -f "$into/.done/$name" ] || return 0
  download=$into/.download
  rm -rf "$download"
  mkdir -p "$download/temporary" "$into/.done"
  printf '%s==%s --hash=sha256:%s\n' "$name" "$release" "$sha256" >"$download/requirements.txt"
  case $python in cp*) interpreter=${python#cp} implementation=cp ;; *) interpreter=311 implementation=py ;; esac
  # shellcheck disable=SC2086 # pip may be two words: python3 -m pip
  step "$name $release" "$megabytes" "$download" env TMPDIR="$download/temporary" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    $pip download --no-deps --only-binary=:all: --no-cache-dir --progress-bar off --retries 2 --timeout 30 \
    --python-version "$interpreter" --implementation "$implementation" --abi "$abi" --platform "$platform" \
    --require-hashes -r "$download/requirements.txt" -d "$download/wheel" || broken "$name $release"
  step "$name $release, unpacking" 0 "$into" python3 "$install/unpack.py" "$download/wheel" "$into" "$@" || broken "$name $release"
  rm -rf "$download"
  : >"$into/.done/$name"
}
