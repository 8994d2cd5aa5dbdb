#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One training step, forward and backward, against PyTorch on random checkpoints of the 2.7B shape and of a small one, in one run.
# Arguments go to Benchmarks/TrainingBenchmark/bench.py (--batch, --items, --precisions, --rounds).
#
# BENCH_DIR: where checkpoints and the peer's environment are kept, .build-bench by default, as for scripts/bench-models.sh.
# BENCH_SHAPES: large, small or both, by default. The large one needs 6 GB of disk and 16 GB of memory.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${BENCH_DIR:-.build-bench}
source=Benchmarks/ModelBenchmark
mkdir -p "$dir"

if [ ! -e "$dir/venv/bin/python" ]; then
  echo "Setting up the peer in $dir/venv"
  python3 -m venv "$dir/venv"
  "$dir/venv/bin/pip" install -q torch transformers safetensors numpy sentencepiece
fi
python=$dir/venv/bin/python
swift build -c release --product TrainingProbe

for shape in ${BENCH_SHAPES:-small large}; do
  case $shape in
  small) checkpoint=$dir/small-checkpoint sizes=(--llm 512,8,8,8,1376 --tower 384,12,6,1536,224,16) limits=(--batch 8) ;;
  large) checkpoint=$dir/checkpoint sizes=() limits=(--batch 1 --rounds 1 --precisions bf16) ;;
  *) echo "BENCH_SHAPES names small and large, not $shape" >&2; exit 2 ;;
  esac
  if [ ! -e "$checkpoint/rec_module/config.json" ]; then
    echo "Writing a random checkpoint to $checkpoint"
    rm -rf "$checkpoint"
    "$python" "$source/make_checkpoint.py" "$checkpoint" "${sizes[@]}" \
      ${BENCH_TOKENIZER:+--tokenizer "$BENCH_TOKENIZER"}
  fi
  "$python" Benchmarks/TrainingBenchmark/bench.py "$checkpoint" --probe .build/release/TrainingProbe "${limits[@]}" "$@"
done
