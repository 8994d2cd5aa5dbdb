#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs tests that are built, and says once more at the end which ones failed and why: a whole run prints
# ten thousand lines. The arguments are those of `swift test`.
set -uo pipefail
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
"${SWIFT:-swift}" test --skip-build "$@" 2>&1 | tee "$log"
status="${PIPESTATUS[0]}"
if [ "$status" -ne 0 ]; then
    echo
    echo "What failed:"
    # A fault's line begins with a cross and says that an issue was recorded; the lines under it begin with an arrow.
    if ! awk '
        / recorded an issue / { shown = 1; print "  " $0; found = 1; next }
        shown && /^(↳|[[:space:]])/ { print "    " $0; next }
        { shown = 0 }
        END { exit !found }
    ' "$log"; then
        echo "  No test recorded an issue; the process ended by itself, after these lines:"
        tail -n 20 "$log" | sed 's/^/    /'
    fi
    echo "One test alone: ${SWIFT:-swift} test --filter NAME"
fi
exit "$status"
