# The locked npm packages, without their install scripts (tfjs-node's would download an old TensorFlow). Sourced by bring.sh.
# npm works in .srdit/packages and node_modules is renamed into place, so that a kill never leaves half of it, and a program that
# runs meanwhile keeps the old one. The downloads stay in the cache: the next checkout installs from there.

manifests=$(cd "$root" && find . \( -name node_modules -o -name .srdit -o -name .git \) -prune -o -name package.json -print | LC_ALL=C sort)
# shellcheck disable=SC2086 # paths within the repository, which hold no spaces
packages=$(cd "$root" && cat package-lock.json $manifests | sha256sum)
packages=${packages%% *}

packages_there() { [ "$(cat "$root/node_modules/.srdit-packages" 2>/dev/null)" = "$packages" ]; }

bring_packages() {
  packages_there && return
  work=$root/.srdit/packages
  rm -rf "$work" "$root/.srdit/packages.old"
  mkdir -p "$work"
  room 800 "$root" 'The npm packages'
  for manifest in ./package-lock.json $manifests; do
    mkdir -p "$work/${manifest%/*}"
    cp "$root/$manifest" "$work/$manifest"
  done
  if [ "$npm" = yes ]; then set -- npm; else set -- "$node" "$wheel_npm"; fi
  step 'npm packages' 490 "$work/node_modules" env npm_config_cache="$cache/npm" npm_config_update_notifier=false \
    "$@" ci --prefix "$work" --ignore-scripts --prefer-offline --no-audit --no-fund || broken 'The npm packages'
  printf '%s\n' "$packages" >"$work/node_modules/.srdit-packages"
  [ ! -e "$root/node_modules" ] || mv "$root/node_modules" "$root/.srdit/packages.old"
  mv "$work/node_modules" "$root/node_modules"
  rm -rf "$work" "$root/.srdit/packages.old"
}
