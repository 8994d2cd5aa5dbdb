#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes random sentence encoders of both families, asks Hugging Face transformers and ours, and compares ids and vectors.
# GOLDENS=a:b checks goldens that exist, such as one of a downloaded checkpoint, instead of making some.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${GOLDENS:-}" ]; then
  python=${PYTHON:-.venv-text/bin/python}
  if ! command -v "$python" >/dev/null; then
    python3 -m venv .venv-text
    .venv-text/bin/pip install -q torch transformers safetensors
  fi
  directory=$(mktemp -d)
  trap 'rm -rf "$directory"' EXIT
  make_golden() { "$python" scripts/make-text-golden.py "$directory/$1" "${@:2}"; }
  make_golden mpnet --family mpnet --normalize --max-length 200
  make_golden bert --family bert --format bin --seed 2 --shape 64,2,4,170
  make_golden mpnet-first-cased --family mpnet --pooling cls --cased --json-only --prefixed --seed 3
  make_golden bert-bare-cased --family bert --bare --cased --json-only --prefixed --seed 4 --positions 512
  GOLDENS=$(printf '%s:' "$directory"/*)
fi
"${SWIFT:-swift}" build --build-tests
ILLMREC_TEXT_GOLDENS=$GOLDENS "${SWIFT:-swift}" test --skip-build --filter TextGoldenTests
