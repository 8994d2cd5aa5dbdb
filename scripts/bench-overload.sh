#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# LLMService at several times its capacity over loopback, on a small random checkpoint: how much it still answers, how fast it refuses
# the rest, and how long health checks wait. Arguments go to Benchmarks/OverloadBenchmark/bench.py (--seconds, --load, --deadline,
# --callers, --items), and what it does not know to illmrec-llm (--max-queue-seconds, --threads …).
#
# BENCH_DIR: where the checkpoint and the client's environment are kept, .build-bench by default.
# BENCH_PROGRAM: an illmrec-llm that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${BENCH_DIR:-.build-bench}
source=Benchmarks/OverloadBenchmark
mkdir -p "$dir/stubs"

if [ ! -e "$dir/venv-overload/.complete" ]; then
  echo "Setting up the client in $dir/venv-overload"
  python3 -m venv "$dir/venv-overload"
  "$dir/venv-overload/bin/pip" install -q -r "$source/requirements.txt"
  touch "$dir/venv-overload/.complete"
fi
python=$dir/venv-overload/bin/python
if [ ! -e "$dir/small-checkpoint/rec_module/config.json" ]; then
  rm -rf "$dir/small-checkpoint"
  "$python" Benchmarks/ModelBenchmark/make_checkpoint.py "$dir/small-checkpoint" --llm 256,4,4,4,768 --tower 64,1,2,128,28,14 \
    --space-width 64
fi
"$python" -m grpc_tools.protoc -I protos --python_out="$dir/stubs" --grpc_python_out="$dir/stubs" \
  $(find protos/illmrec -name '*.proto' | sort)
if [ -z "${BENCH_PROGRAM:-}" ]; then
  swift build -c release --product illmrec-llm
  BENCH_PROGRAM=.build/release/illmrec-llm
fi

PYTHONPATH="$dir/stubs" exec "$python" "$source/bench.py" --program "$BENCH_PROGRAM" --checkpoint "$dir/small-checkpoint" "$@"
