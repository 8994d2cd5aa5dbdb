#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes random vision towers of every family, asks Hugging Face transformers and ours, and prints the distances as a table.
# GOLDENS=a:b checks goldens that exist, such as one of a downloaded checkpoint, instead of making some.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${GOLDENS:-}" ]; then
  python=${PYTHON:-.venv-towers/bin/python}
  if ! command -v "$python" >/dev/null; then
    python3 -m venv .venv-towers
    .venv-towers/bin/pip install -q torch "transformers>=5" safetensors "pillow>=13"
  fi
  directory=$(mktemp -d)
  trap 'rm -rf "$directory"' EXIT
  families=(siglip siglip2 clip clip-projection clip-model clip-exact-gelu dinov2 dinov2-interpolated dinov2-classifier
    dinov2-registers dinov2-registers-interpolated vit vit-classifier)
  for family in "${families[@]}"; do
    HF_HUB_OFFLINE=1 "$python" scripts/make-tower-golden.py "$directory/$family" --family "$family" >/dev/null 2>&1 ||
      { echo "No golden of $family could be made; run scripts/make-tower-golden.py OUT --family $family" >&2 && exit 1; }
  done
  GOLDENS=$(printf '%s:' "$directory"/*)
fi
"${SWIFT:-swift}" build --build-tests
log=$(mktemp)
status=0
ILLMREC_TOWER_GOLDENS=$GOLDENS "${SWIFT:-swift}" test --skip-build --filter TowerGoldenTests >"$log" 2>&1 || status=$?
if [ "$status" -ne 0 ]; then
  cat "$log"
else
  echo "| tower | f32 | bf16 | int8 |"
  echo "| --- | --- | --- | --- |"
  sed -n 's/.*TOWER: //p' "$log" | sort
fi
rm -f "$log"
exit "$status"
