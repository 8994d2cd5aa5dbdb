#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the programs (scripts/build-programs.sh) and packs them into dist/illmrec-VERSION-linux-x86_64.tar.gz, with its SHA-256 beside it.
# The archive runs on a Debian 12 without Swift.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/.*static let version = "\(.*\)".*/\1/p' Sources/ServiceSupport/Product.swift)
name=illmrec-$version-linux-x86_64
build=.build-release

tag=$(git describe --tags --exact-match 2>/dev/null || true)
if [ -n "$tag" ] && [ "$tag" != "v$version" ]; then
  echo "This commit is tagged $tag, but Product.version is $version. Make them the same." >&2
  exit 1
fi

echo "Building $name (about 10 minutes on 2 cores the first time)"
rm -rf "$build/archive"
top=$build/archive/$name
mkdir -p dist
scripts/build-programs.sh "$top"

cp packages-runtime.txt "$top/packages.txt"
git archive HEAD LICENSE ':(glob)*.md' docs protos examples deploy | tar -x -C "$top"

# The same commit gives the same archive, but for what the compiler does differently.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
tar -C "$build/archive" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -c "$name" |
  gzip -n9 >"dist/$name.tar.gz"
(cd dist && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
ls -lh "dist/$name.tar.gz"
cat "dist/$name.tar.gz.sha256"
