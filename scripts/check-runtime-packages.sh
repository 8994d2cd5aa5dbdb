#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fails unless every shared library that the given programs name (not what those libraries load in turn) comes from a package of
# packages-runtime.txt or from one that every Debian has. Runs where the programs were built.
set -euo pipefail
cd "$(dirname "$0")/.."

listed=$(grep -vE '^\s*(#|$)' packages-runtime.txt)

# Debian 12 unifies /lib and /usr/lib, and dpkg knows some files by the former name.
package_of() {
  local path
  path=$(ldconfig -p | awk -v name="$1" '$1 == name && /x86-64/ { print $NF; exit }')
  [ -n "$path" ] || return 0
  { dpkg-query -S "$path" 2>/dev/null || dpkg-query -S "/usr$path" 2>/dev/null || dpkg-query -S "$(readlink -f "$path")" 2>/dev/null || true; } |
    cut -d: -f1 | head -1
}

failed=0
for library in $(readelf -d "$@" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u); do
  package=$(package_of "$library")
  # libopenblas0 stands for the variant of it that is installed.
  package=${package/#libopenblas0-pthread/libopenblas0}
  if [ -z "$package" ]; then
    echo "$library: no package has it; it must be linked statically" >&2
    failed=1
  elif ! grep -qx "$package" <<<"$listed" &&
    ! [[ $(dpkg-query -W -f '${Priority}' "$package") =~ ^(required|important)$ || $package =~ ^(libc6|libgcc-s1)$ ]]; then
    echo "$library: its package $package is not in packages-runtime.txt" >&2
    failed=1
  fi
done
exit $failed
