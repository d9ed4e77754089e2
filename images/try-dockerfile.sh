#!/bin/sh
# Tries images/Dockerfile with neither a Docker daemon nor a registry of images: its debian:12 is made of Debian's packages, buildah builds a
# target on it, and the image says which Node it holds, as the user that containers run as. As root, once these are installed:
#   apt-get install buildah debootstrap
#   images/try-dockerfile.sh [operator|runtime-cpu|runtime-cuda]
# Some minutes and 5 GB (runtime-cuda 25 GB), removed afterwards. KEEP=FILE keeps the image there, an OCI archive.
# Behind a proxy with a certificate of its own, name the file of certificates in SSL_CERT_FILE, as for other programs.
set -eu
target=${1:-operator}
cd "$(dirname "$0")/.."
for tool in buildah debootstrap; do
  command -v "$tool" >/dev/null || { echo "The tool '$tool' is missing. Say apt-get install buildah debootstrap" >&2; exit 69; }
done
work=$(mktemp -d /var/tmp/srdit-dockerfile.XXXXXX)
TMPDIR=$work/tmp # buildah's mounts of type cache lie there
CONTAINERS_STORAGE_CONF=$work/storage.conf
export TMPDIR CONTAINERS_STORAGE_CONF
trap 'buildah rm --all >/dev/null 2>&1 || true; umount "$work/graph/overlay" 2>/dev/null || true; rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$TMPDIR"
printf '[storage]\ndriver = "overlay"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' "$work" "$work" >"$CONTAINERS_STORAGE_CONF"

debootstrap --variant=minbase bookworm "$work/debian" >"$work/log" || { tail "$work/log" >&2; exit 1; }
printf 'deb http://deb.debian.org/debian %s main\n' bookworm bookworm-updates >"$work/debian/etc/apt/sources.list"
echo 'deb http://deb.debian.org/debian-security bookworm-security main' >>"$work/debian/etc/apt/sources.list"
base=$(buildah from scratch)
if [ -n "${SSL_CERT_FILE:-}" ]; then
  mkdir -p "$work/debian/usr/local/share/ca-certificates"
  cp "$SSL_CERT_FILE" "$work/debian/usr/local/share/ca-certificates/own.crt"
  buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$base"
fi
buildah add --quiet "$base" "$work/debian" / >/dev/null
buildah config --cmd bash "$base"
buildah commit --quiet --rm "$base" docker.io/library/debian:12 >/dev/null

buildah build --isolation chroot --layers --pull-never --ignorefile images/Dockerfile.dockerignore -f images/Dockerfile --target "$target" -t "localhost/srdit:$target" .
container=$(buildah from "localhost/srdit:$target")
buildah run --isolation chroot "$container" -- node -p '`Node ${process.version} runs as ${process.getuid()}`'
[ -z "${KEEP:-}" ] || buildah push --quiet "localhost/srdit:$target" "oci-archive:$KEEP:$target"
