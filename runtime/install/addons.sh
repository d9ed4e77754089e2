# The two native addons, compiled with g++ against the TensorFlow that was brought. Sourced by bring.sh.
# tfjs-node's own goes to where its package looks; ours stays in the cache, and ./srdit exports its path as SRDIT_ADDON.

# The folder in the cache for these very sources and this TensorFlow (its path is in the addons' rpath).
addons_folder() {
  addons=$(cd "$root" && { cat package-lock.json runtime/engine/native/*.*; printf '%s\n' "$tensorflow"; } 2>/dev/null | sha256sum)
  addons=$cache/addons/$(printf '%s' "$addons" | cut -c1-16)
  addon=$addons/srdit.node
}

addons_cached() { addons_folder && [ -f "$addon" ]; }

bring_addons() {
  addons_folder
  if [ ! -f "$addon" ]; then
    rm -rf "$addons.partial"
    mkdir -p "$addons.partial"
    step 'native addons' 0 "$addons.partial" /bin/sh "$root/runtime/engine/native/build.sh" "$tensorflow/tensorflow" "$root/node_modules" "$addons.partial" ||
      broken 'The compilation of the native addons'
    settle "$addons.partial" "$addons"
  fi
  stock=$root/node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8
  mkdir -p "$stock"
  cp "$addons/tfjs_binding.node" "$stock/tfjs_binding.node.partial"
  mv "$stock/tfjs_binding.node.partial" "$stock/tfjs_binding.node"
}
