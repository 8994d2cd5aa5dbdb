#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes checkpoints and raw data as other tools write them, and checks that each comes to what PyTorch and transformers make of
# it, or is refused by name. CASES=directory takes those that scripts/make-cases.py made before.
set -euo pipefail
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
if [ -z "${CASES:-}" ]; then
  python=${PYTHON:-.venv-golden/bin/python}
  if ! command -v "$python" >/dev/null; then
    python3 -m venv .venv-golden
    .venv-golden/bin/pip install -q torch "transformers==4.37.2" sentencepiece protobuf safetensors pillow
  fi
  CASES=$directory/cases
  TRANSFORMERS_VERBOSITY=error "$python" scripts/make-cases.py "$CASES"
fi
if [ ! -d "$CASES/checkpoints" ] || [ ! -d "$CASES/data" ]; then
  echo "$CASES has no checkpoints/ and data/ as scripts/make-cases.py writes them; name a folder of it, or leave CASES out to have them made" >&2
  exit 1
fi
"$swift" build --build-tests
ILLMREC_CASES=$CASES "$swift" test --skip-build --filter CheckpointCasesTests
scripts/check-data-cases.py .build/debug/illmrec "$CASES/data"
