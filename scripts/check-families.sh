#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a small golden of each family of decoders with transformers, and checks that it is computed and trained through, and that it is
# computed when its LLM is a GGUF file, which llama.cpp reads as well.
# FAMILIES=directory takes those that scripts/make-families.py made before; PYTHON has transformers 5, gguf and xllamacpp.
set -euo pipefail
cd "$(dirname "$0")/.."
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
# An environment of its own for each version of transformers: tokenizers and images are the published code's, families are today's.
environment() {
  "$1/bin/python" -c 'import torch, transformers, safetensors, sentencepiece' 2>/dev/null && return
  python3 -m venv "$1"
  "$1/bin/pip" install -q torch "${@:2}" safetensors
}
python=${PYTHON:-.venv-families/bin/python}
if [ -z "${PYTHON:-}" ]; then
  # xllamacpp is llama.cpp, compiled.
  environment .venv-families "transformers==5.24.0" sentencepiece gguf xllamacpp
fi
if [ -z "${FAMILIES:-}" ]; then
  environment .venv-golden "transformers==4.37.2" sentencepiece protobuf pillow
  FAMILIES=$directory/families
  export TRANSFORMERS_VERBOSITY=error
  .venv-golden/bin/python scripts/make-golden.py "$directory/base" --train
  "$python" scripts/make-families.py "$directory/base" "$FAMILIES"
fi
"${SWIFT:-swift}" build
scripts/check-families.py .build/debug "$FAMILIES"
"$python" scripts/family_ggufs.py "$FAMILIES" "$directory/gguf"
for kind in f32 q8_0; do
  echo "GGUF files in $kind"
  scripts/check-families.py .build/debug "$directory/gguf/$kind" --answers
done
