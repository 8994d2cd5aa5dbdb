#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts the licence line into every source file of ours that lacks it. With --check it changes nothing, names those files and fails.
# Generated code and the protos of others stay as they are.
set -euo pipefail
cd "$(dirname "$0")/.."

licence='SPDX-License-Identifier: Apache-2.0'

# The files that need the line, tracked or about to be.
sources() {
  git ls-files --cached --others --exclude-standard -- \
    '*.swift' '*.c' '*.cc' '*.h' '*.py' '*.sh' '*.proto' Makefile .ci/run ':!:*/Generated/*' ':!:protos/third_party/*'
}

lacking() {
  sources | while read -r file; do
    [ -f "$file" ] && { head -3 "$file" | grep -qF "$licence" || echo "$file"; }
  done
}

# A shebang, `// swift-tools-version` and a proto's `syntax` have to be, or are by custom, a file's first line.
add() {
  local file=$1 comment='//' blank=1 text
  case $file in *.py | *.sh | Makefile | .ci/run) comment='#' blank=0 ;; esac
  text=$(mktemp)
  awk -v line="$comment $licence" -v blank=$blank '
    NR == 1 && /^(#!|\/\/ swift-tools-version)/ { print; print line; next }
    NR == 1 && /^syntax / { print; print ""; print line; next }
    NR == 1 { print line; if (blank && $0 != "") print "" }
    { print }' "$file" >"$text"
  cat "$text" >"$file"  # keeps the file mode
  rm "$text"
}

files=$(lacking || true)
if [ "${1:-}" = --check ]; then
  [ -z "$files" ] && { echo "Every source file has its licence line."; exit 0; }
  echo "These files lack the line \"$licence\"; scripts/add-licence-lines.sh adds it:" >&2
  echo "$files" >&2
  exit 1
fi
for file in $files; do add "$file"; done
echo "Added the licence line to $(wc -w <<<"$files") files."
