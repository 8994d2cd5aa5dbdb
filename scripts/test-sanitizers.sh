#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The transport's tests, C shim and Swift, under a sanitizer: scripts/test-sanitizers.sh [address|thread]; both without an argument.
set -euo pipefail
cd "$(dirname "$0")/.."

run() {
  local sanitizer=$1 scratch=$2
  echo "GRPCTransportTests under the $sanitizer sanitizer"
  swift build --build-tests --sanitize="$sanitizer" --scratch-path "$scratch" "${@:3}"
  # XCTest's own runner, which has no tests here, leaks what it starts with.
  swift test --skip-build --disable-xctest --sanitize="$sanitizer" --scratch-path "$scratch" --filter GRPCTransportTests "${@:3}"
}

if [ "${1:-address}" = address ]; then
  LSAN_OPTIONS="suppressions=$PWD/scripts/lsan-suppressions.txt" ASAN_OPTIONS=detect_leaks=1 run address .build-asan
fi
if [ "${1:-thread}" = thread ]; then
  TSAN_OPTIONS="suppressions=$PWD/scripts/tsan-suppressions.txt" run thread .build-tsan -Xswiftc -DTHREAD_SANITIZER
fi
