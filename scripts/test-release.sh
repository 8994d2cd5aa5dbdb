#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Unpacks the newest release archive in a fresh Debian 12, installs the packages that it names, and runs it there: the version of every
# program, then the demo. Needs root, for chroot, and Debian's packages; MIRROR names where they come from.
set -euo pipefail
cd "$(dirname "$0")/.."

archive=${1:-$(ls -t dist/illmrec-*-linux-x86_64.tar.gz 2>/dev/null | head -1)}
[ -n "$archive" ] || { echo "There is no archive in dist/; run make release first." >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "A test in a Debian of its own needs root: sudo make test-release" >&2; exit 1; }
mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Codename: bookworm' | head -1)}
name=$(basename "$archive" .tar.gz)
version=${name#illmrec-} version=${version%-linux-x86_64}

(cd "$(dirname "$archive")" && sha256sum -c "$(basename "$archive").sha256")

root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
echo "Making a Debian 12 in $root"
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" || { tail "$root.log"; exit 1; }
rm "$root.log"
cp /etc/resolv.conf "$root/etc/"
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
tar -x -C "$root/opt" -f "$archive"

cat >"$root/run-release-test" <<IN
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive PATH=/opt/$name/bin:\$PATH HOME=/root
command -v swift && { echo "There is a Swift here; this test would show nothing." >&2; exit 1; }
apt-get update -qq
grep -vE '^\s*(#|\$)' /opt/$name/packages.txt | xargs apt-get install -y -qq --no-install-recommends >/dev/null
for program in illmrec illmrec-encoder illmrec-llm illmrec-retrieval; do
  said=\$(\$program --version)
  echo "\$program \$said"
  [ "\$said" = $version ]
done
cd /tmp && illmrec demo
IN

# Mounts live in a namespace of their own and end with it, and with them every process of the demo.
unshare --mount --pid --fork bash -euc '
  mount --make-rprivate /
  mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev"
  exec chroot "$0" env -i TERM=dumb bash /run-release-test' "$root"
echo "$name runs on a Debian 12 without Swift."
