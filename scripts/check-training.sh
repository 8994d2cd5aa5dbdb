#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Trains small checkpoints here and in PyTorch, and lets each side read the other's; see Benchmarks/TrainingCheck/check.py.
# PYTHON: an interpreter that has what is installed below, instead of an environment in .venv-training.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv-training/bin/python}
# An environment that an interrupted installation left is completed.
if [ -z "${PYTHON:-}" ] && ! "$python" -c 'import torch, transformers, sentencepiece, safetensors, PIL, google.protobuf' 2>/dev/null; then
  echo "Installing PyTorch and transformers into .venv-training"
  python3 -m venv .venv-training
  .venv-training/bin/pip install -q torch "transformers==4.37.2" sentencepiece protobuf safetensors pillow
fi
"${SWIFT:-swift}" build -c release
"$python" Benchmarks/TrainingCheck/check.py --illmrec .build/release/illmrec "$@"
