#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Generates code from protos/ for every language that protoc knows by itself, lints them with buf, and compares them with
# those of the last tag, so that no release takes back what another promised. buf is PyPI's buf-bin, in a virtual environment.
# What cannot be done here (no protoc, PyPI out of reach, no tag) is skipped, and a sentence says so.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if command -v protoc >/dev/null; then
  for language in cpp csharp java kotlin objc php python pyi ruby; do
    mkdir "$work/$language"
    protoc -I protos --"$language"_out="$work/$language" $(find protos/illmrec -name '*.proto')
  done
  # From within protos/ no include path is needed.
  (cd protos && protoc --descriptor_set_out="$work/all.pb" $(find illmrec -name '*.proto'))
  echo "protoc generates code from protos/ for every language it knows."
else
  echo "Skipped: protoc is not installed (packages-dev.txt), so no code was generated from protos/."
fi

buf=.venv-buf/bin/buf
if [ ! -x "$buf" ]; then
  python3 -m venv .venv-buf
  if ! .venv-buf/bin/pip install -q --retries 1 --timeout 15 "buf-bin>=1.75,<2"; then
    echo "Skipped: buf could not be installed, PyPI is out of reach. protos/ was neither linted nor compared with a release."
    exit 0
  fi
fi

"$buf" lint protos
echo "protos/ is clean."

if ! tag=$(git describe --tags --abbrev=0 2>/dev/null); then
  echo "Skipped: no tag is known here, so there is no release to compare protos/ with."
  exit 0
fi
mkdir "$work/before"
git archive "$tag" protos | tar -x -C "$work/before"
"$buf" breaking protos --against "$work/before/protos"
echo "protos/ breaks nothing that $tag promised."
