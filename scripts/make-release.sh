#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the programs with Swift's own libraries linked statically and packs them into
# dist/illmrec-VERSION-linux-x86_64.tar.gz, with its SHA-256 beside it. The archive runs on a Debian 12 without Swift.
#
# The build has a directory of its own, .build-release, so that neither `swift build` nor this one undoes the other's work. C kernels are
# compiled for every x86-64 and choose by the CPU's features when they run.
set -euo pipefail
cd "$(dirname "$0")/.."

SWIFT=${SWIFT:-swift}
programs=(illmrec illmrec-encoder illmrec-llm illmrec-retrieval)
version=$(sed -n 's/.*static let version = "\(.*\)".*/\1/p' Sources/ServiceSupport/Product.swift)
name=illmrec-$version-linux-x86_64
build=.build-release

[ "$(uname -m)" = x86_64 ] || { echo "Release archives are made on x86-64; this is $(uname -m)." >&2; exit 1; }
tag=$(git describe --tags --exact-match 2>/dev/null || true)
if [ -n "$tag" ] && [ "$tag" != "v$version" ]; then
  echo "This commit is tagged $tag, but Product.version is $version. Make them the same." >&2
  exit 1
fi

echo "Building $name (about 10 minutes on 2 cores the first time)"
for program in "${programs[@]}"; do
  "$SWIFT" build -c release --static-swift-stdlib --scratch-path "$build" --product "$program"
done

rm -rf "$build/archive"
top=$build/archive/$name
mkdir -p "$top/bin" "$top/licences" dist

for program in "${programs[@]}"; do
  # Function names stay, for backtraces; line tables are most of the size.
  strip --strip-debug -o "$top/bin/$program" "$build/release/$program"
done

# Fails when a program loads a library that the list of packages does not bring.
scripts/check-runtime-packages.sh "$top"/bin/*

cp packages-runtime.txt "$top/packages.txt"
git archive HEAD LICENSE ':(glob)*.md' docs protos examples | tar -x -C "$top"

# The licences of everything that is linked into the programs.
for checkout in "$build"/checkouts/*/; do
  mkdir -p "$top/licences/$(basename "$checkout")"
  find "$checkout" -maxdepth 1 -iname 'LICENSE*' -o -maxdepth 1 -iname 'NOTICE*' |
    xargs -d '\n' cp -t "$top/licences/$(basename "$checkout")"
done
mkdir -p "$top/licences/swift" "$top/licences/hnswlib"
cp "$(dirname "$(dirname "$(readlink -f "$(command -v "$SWIFT")")")")/share/swift/LICENSE.txt" "$top/licences/swift/"
cp /usr/share/doc/libhnswlib-dev/copyright "$top/licences/hnswlib/"

# The same commit gives the same archive, but for what the compiler does differently.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
tar -C "$build/archive" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -c "$name" |
  gzip -n9 >"dist/$name.tar.gz"
(cd dist && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
ls -lh "dist/$name.tar.gz"
cat "dist/$name.tar.gz.sha256"
