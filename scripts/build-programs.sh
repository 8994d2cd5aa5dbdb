#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the programs with Swift's own libraries linked statically and puts them into FOLDER/bin, and the licences of everything that is
# linked into them into FOLDER/licences. They run on a Debian 12 without Swift that has what packages-runtime.txt names.
#
# The build has a directory of its own, .build-release, so that neither `swift build` nor this one undoes the other's work. C kernels are
# compiled for every x86-64 and choose by the CPU's features when they run.
#
# usage: scripts/build-programs.sh FOLDER
set -euo pipefail
top=$(realpath -m "$1")
cd "$(dirname "$0")/.."

SWIFT=${SWIFT:-swift}
programs=(illmrec illmrec-encoder illmrec-llm illmrec-retrieval)
build=.build-release

[ "$(uname -m)" = x86_64 ] || { echo "The programs are built on x86-64; this is $(uname -m)." >&2; exit 1; }

for program in "${programs[@]}"; do
  "$SWIFT" build -c release --static-swift-stdlib --scratch-path "$build" --product "$program"
done

mkdir -p "$top/bin" "$top/licences"
for program in "${programs[@]}"; do
  # Function names stay, for backtraces; line tables are most of the size.
  strip --strip-debug -o "$top/bin/$program" "$build/release/$program"
done

# Fails when a program loads a library that the list of packages does not bring.
scripts/check-runtime-packages.sh "$top"/bin/*

for checkout in "$build"/checkouts/*/; do
  mkdir -p "$top/licences/$(basename "$checkout")"
  find "$checkout" -maxdepth 1 -iname 'LICENSE*' -o -maxdepth 1 -iname 'NOTICE*' |
    xargs -d '\n' cp -t "$top/licences/$(basename "$checkout")"
done
mkdir -p "$top/licences/swift" "$top/licences/hnswlib"
cp "$(dirname "$(dirname "$(readlink -f "$(command -v "$SWIFT")")")")/share/swift/LICENSE.txt" "$top/licences/swift/"
cp /usr/share/doc/libhnswlib-dev/copyright "$top/licences/hnswlib/"
