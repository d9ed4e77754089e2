#!/bin/sh
# Brings what ./srdit needs, in this order, each step kept for good once it is done:
# Node, the locked npm packages, TensorFlow's libraries, the two native addons, and last the stamp;
# then hands back to ./srdit with the command.
#   bring.sh ROOT CACHE FLAVOUR DIGEST COMMAND...
# A step works in a place of its own and is renamed into position when it is complete, so that a kill at any moment costs only
# the step that was under way. Exit code 69: something is missing that this script cannot bring; one sentence says the mend.
set -eu
umask 022

root=$1 cache=$2 flavour=$3 digest=$4
shift 4
install=$root/runtime/install
. "$install/steps.sh"
. "$install/prerequisites.sh"
. "$install/node.sh"
. "$install/packages.sh"
. "$install/tensorflow.sh"
. "$install/addons.sh"

check_system
mkdir -p "$cache" 2>/dev/null || fail "Cannot write the cache '$cache'. Set SRDIT_CACHE to a folder that you can write"
[ -w "$cache" ] || fail "Cannot write the cache '$cache'. Set SRDIT_CACHE to a folder that you can write"
cache=$(cd "$cache" && pwd)
mkdir -p "$root/.srdit" 2>/dev/null && [ -w "$root" ] ||
  fail "Cannot write the checkout '$root', where node_modules must lie. Clone the repository to a folder that you can write"

only_one 9 "$cache/lock" "fills the cache '$cache'"
only_one 8 "$root/.srdit/install.lock" "installs into '$root'"

find_tools
bring_node
bring_packages
bring_tensorflow
bring_addons
printf '%s\n%s\n%s\n' "$digest" "$node" "$addon" >"$root/node_modules/.srdit-stamp.partial"
mv "$root/node_modules/.srdit-stamp.partial" "$root/node_modules/.srdit-stamp"
say "ready after $(($(date +%s) - began)) s"

# The locks end here, before the command that was asked for.
exec 8>&- 9>&-
export SRDIT_BROUGHT=1
exec /bin/sh "$root/srdit" "$@"
