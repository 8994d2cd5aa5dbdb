#!/usr/bin/env bash
# Runs the tests of the transport (the C shim and its Swift face) under a sanitizer: address or thread.
#
# Debian's libgrpc is not instrumented: the thread sanitizer cannot see its locks, nor those of Swift's Synchronization module,
# and may report what they order. The address sanitizer has no such blind spot.
set -euo pipefail
cd "$(dirname "$0")/.."
sanitizer=${1:-address}
case "$sanitizer" in address | thread) ;; *) echo "usage: $0 [address|thread]" >&2 && exit 64 ;; esac
scratch=.build-$sanitizer
swift build --build-tests --sanitize="$sanitizer" --scratch-path "$scratch"
swift test --skip-build --sanitize="$sanitizer" --scratch-path "$scratch" --filter GRPCTransportTests
