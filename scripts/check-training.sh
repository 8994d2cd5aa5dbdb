#!/usr/bin/env bash
# Trains small checkpoints here and in PyTorch, and lets each side read the other's; see Benchmarks/TrainingCheck/check.py.
# PYTHON: an interpreter that has what is installed below, instead of an environment in .venv-training.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv-training/bin/python}
if ! command -v "$python" >/dev/null; then
  python3 -m venv .venv-training
  .venv-training/bin/pip install -q torch "transformers==4.37.2" sentencepiece safetensors pillow
fi
"${SWIFT:-swift}" build -c release
"$python" Benchmarks/TrainingCheck/check.py --illmrec .build/release/illmrec "$@"
