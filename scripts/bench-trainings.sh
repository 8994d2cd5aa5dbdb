#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a further training costs a service that holds one, on a random checkpoint of the shape of Sheared-LLaMA-2.7B with SigLIP so400m
# and as many token embeddings. Needs 14 GB of disk and of memory. Arguments go to Benchmarks/ModelBenchmark/trainings.py (--rounds,
# --users, --precision, --parts …).
#
# BENCH_DIR: where the checkpoint is kept, .build-bench by default.
# PYTHON: an interpreter that has what is installed below, instead of an environment in BENCH_DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${BENCH_DIR:-.build-bench}
source=Benchmarks/ModelBenchmark
mkdir -p "$dir/stubs"
python=${PYTHON:-$dir/venv-trainings/bin/python}
if [ -z "${PYTHON:-}" ] && ! "$python" -c 'import grpc_tools, numpy, PIL, safetensors, sentencepiece, torch' 2>/dev/null; then
  echo "Installing PyTorch and gRPC for Python into $dir/venv-trainings"
  python3 -m venv "$dir/venv-trainings"
  "$dir/venv-trainings/bin/pip" install -q grpcio-tools grpcio numpy pillow safetensors sentencepiece torch
fi
if [ ! -e "$dir/checkpoint-32000/rec_module/config.json" ]; then
  echo "Writing a random checkpoint of 6 GB to $dir/checkpoint-32000"
  rm -rf "$dir/checkpoint-32000"
  "$python" "$source/make_checkpoint.py" "$dir/checkpoint-32000" --pieces 32000
fi
"$python" -m grpc_tools.protoc -I protos --python_out="$dir/stubs" --grpc_python_out="$dir/stubs" \
  $(find protos/illmrec -name '*.proto' | sort)
"${SWIFT:-swift}" build -c release --product illmrec-llm
"${SWIFT:-swift}" build -c release --product illmrec-encoder

PYTHONPATH="$dir/stubs" exec "$python" "$source/trainings.py" --checkpoint "$dir/checkpoint-32000" "$@"
