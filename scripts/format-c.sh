#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Formats the C and C++ sources in place as .clang-format says; with --check, fails where they differ from it.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v clang-format-14 >/dev/null || scripts/install-packages.sh packages-lint.txt || {
  echo "The C sources were left out: clang-format-14 (packages-lint.txt) is missing and could not be installed." >&2
  exit 0
}

mode=(-i)
[ "${1:-}" = --check ] && mode=(--dry-run -Werror)
git ls-files -z '*.c' '*.h' '*.cc' | xargs -0 clang-format-14 "${mode[@]}"
