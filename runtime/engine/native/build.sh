#!/bin/sh
# Compiles both native addons: build.sh TENSORFLOW NODE_MODULES OUT
#   TENSORFLOW    folder with include/, libtensorflow_cc.so.2 and libtensorflow_framework.so.2
#   NODE_MODULES  folder with node-api-headers and @tensorflow/tfjs-node-gpu
#   OUT           gets srdit.node (ours) and tfjs_binding.node (tfjs-node's own, also put where its package looks)
# The addons find TensorFlow by RUNPATH alone; RUNPATH_EXTRA (colon-separated) is added to it, e.g. the folders of
# CUDA's wheels. CXX chooses the compiler.
set -eu

if [ $# -ne 3 ]; then
  echo "usage: build.sh TENSORFLOW NODE_MODULES OUT" >&2
  exit 64
fi
here=$(cd "$(dirname "$0")" && pwd)
tensorflow=$(cd "$1" && pwd)
modules=$(cd "$2" && pwd)
mkdir -p "$3"
out=$(cd "$3" && pwd)
tfjs=$modules/@tensorflow/tfjs-node-gpu

compile() { # NAME FLAG...: the result appears whole or not at all
  name=$1
  shift
  "${CXX:-g++}" -shared -fPIC -std=c++17 -O2 -DNAPI_VERSION=8 \
    -isystem "$modules/node-api-headers/include" -isystem "$tensorflow/include" "$@" \
    -L"$tensorflow" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 \
    -Wl,-rpath,"$tensorflow${RUNPATH_EXTRA:+:$RUNPATH_EXTRA}" -o "$out/.$name.$$"
  mv "$out/.$name.$$" "$out/$name"
}
trap 'rm -f "$out"/.*.$$' EXIT

compile srdit.node -Wall -Wextra -Werror "$here"/*.cc
compile tfjs_binding.node -w -DNODE_GYP_MODULE_NAME=tfjs_binding "$tfjs"/binding/*.cc
mkdir -p "$tfjs/lib/napi-v8"
cp "$out/tfjs_binding.node" "$tfjs/lib/napi-v8/.tfjs_binding.$$"
mv "$tfjs/lib/napi-v8/.tfjs_binding.$$" "$tfjs/lib/napi-v8/tfjs_binding.node"
