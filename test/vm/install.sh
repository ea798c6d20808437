#!/bin/sh
# Installs what the guests need of the host: QEMU, the tools that build images, a C compiler for the snapshot tool.
# The one place that changes the machine's packages; the suite itself only reads. Does nothing where all is there.
set -eu

packages='qemu-system-x86 mmdebstrap e2fsprogs acpica-tools kmod busybox-static cpio xz-utils gcc libc6-dev'

missing=''
for package in $packages; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

apt-get update -q
# shellcheck disable=SC2086 # one word a package
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
