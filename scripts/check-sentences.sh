#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compares `illmrec features text` with sentence-transformers on the real all-mpnet-base-v2 and all-MiniLM-L6-v2, as packages of PyPI
# hold them: every number within 1e-5. MODELS="minilm" checks one alone.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=.venv-sentences
python=${PYTHON:-$environment/bin/python}
if ! command -v "$python" >/dev/null; then
  python3 -m venv "$environment"
  "$environment/bin/pip" install -q torch "transformers==4.37.2" "sentence-transformers==2.7.0"
fi
models=${REAL_MODELS:-.real-models}
read -ra names <<< "${MODELS:-minilm mpnet}"
scripts/real-models.sh "${names[@]}"
"${SWIFT:-swift}" build --product illmrec
for model in "${names[@]}"; do
  "$python" scripts/check-sentences.py .build/debug/illmrec "$models/$model"
done
