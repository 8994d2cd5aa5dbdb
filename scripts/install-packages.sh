#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that a list (default: packages.txt) names and this machine lacks; says what it does.
set -euo pipefail
cd "$(dirname "$0")/.."
list=${1:-packages.txt}

command -v apt-get >/dev/null || {
  echo "This is not a Debian system. Install what $list names with your package manager, then try again." >&2
  exit 1
}

missing=()
while read -r package; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done < <(grep -vE '^\s*(#|$)' "$list")

[ ${#missing[@]} -gt 0 ] || exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "These packages are missing, and only root can install them: apt-get install ${missing[*]}" >&2
    exit 1
  }
  sudo=(sudo)
fi
echo "Installing the Debian packages that are missing (from $list): ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
