#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The services against Hugging Face transformers and llama.cpp on random checkpoints of the true shapes, in one run; writes
# BENCHMARKS.md. Needs about 25 GB of disk and 16 GB of memory; the first run sets up the peers (about 30 minutes on 2 cores).
# Arguments go to Benchmarks/ModelBenchmark/bench.py (--rounds, --users, --precisions, --parts …).
#
# BENCH_DIR: where checkpoints and the peers' environment are kept, .build-bench by default.
# BENCH_CATALOG: a directory of items.jsonl, leave_one_out.jsonl and images (such as movielens-posters), to show what bf16 and int8
# do to its rankings; left out without it.
# BENCH_TOKENIZER: LLaMA's tokenizer.model, for prompts as long as the real model's; without it a small one is trained.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${BENCH_DIR:-.build-bench}
source=Benchmarks/ModelBenchmark
mkdir -p "$dir"

if [ ! -e "$dir/venv/.complete" ]; then
  echo "Setting up the peers in $dir/venv"
  scripts/install-packages.sh packages-dev.txt
  python3 -m venv "$dir/venv"
  CMAKE_ARGS="-DGGML_NATIVE=ON" "$dir/venv/bin/pip" install -q -r "$source/requirements.txt"
  touch "$dir/venv/.complete"
fi
python=$dir/venv/bin/python
if [ ! -e "$dir/checkpoint/rec_module/config.json" ]; then
  echo "Writing a random checkpoint of 6 GB to $dir/checkpoint"
  rm -rf "$dir/checkpoint"
  "$python" "$source/make_checkpoint.py" "$dir/checkpoint" ${BENCH_TOKENIZER:+--tokenizer "$BENCH_TOKENIZER"}
fi
for kind in bf16 q8_0; do
  [ -e "$dir/llm-$kind.gguf" ] && continue
  echo "Writing $dir/llm-$kind.gguf for llama.cpp"
  "$python" "$source/peers/write_gguf.py" "$dir/checkpoint/llm" "$dir/llm-$kind.part" "$kind"
  mv "$dir/llm-$kind.part" "$dir/llm-$kind.gguf"
done
mkdir -p "$dir/stubs"
"$python" -m grpc_tools.protoc -I protos --python_out="$dir/stubs" --grpc_python_out="$dir/stubs" \
  $(find protos/illmrec -name '*.proto' | sort)
swift build -c release --product illmrec-llm
swift build -c release --product illmrec-encoder

PYTHONPATH="$dir/stubs" exec "$python" "$source/bench.py" --checkpoint "$dir/checkpoint" --gguf "$dir" \
  ${BENCH_CATALOG:+--catalog "$BENCH_CATALOG"} "$@"
