#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Searches against pip's newest FAISS on clustered vectors, in one run; writes RETRIEVAL-BENCHMARKS.md. Arguments go to
# Benchmarks/RetrievalBenchmark/bench.py (--parts, --rounds, --threads …).
#
# BENCH_DIR: where vectors, versions and the peer's environment are kept, .build-bench by default; 12 GB for all parts (hnsw-1m builds for half an hour the first time and keeps what it built).
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${BENCH_DIR:-.build-bench}
source=Benchmarks/RetrievalBenchmark
mkdir -p "$dir/retrieval"

if [ ! -e "$dir/venv-retrieval/.complete" ]; then
  echo "Setting up FAISS in $dir/venv-retrieval"
  python3 -m venv "$dir/venv-retrieval"
  "$dir/venv-retrieval/bin/pip" install -q -r "$source/requirements.txt"
  touch "$dir/venv-retrieval/.complete"
fi
clang -O3 -o "$dir/retrieval/bandwidth" "$source/bandwidth.c" -pthread
mkdir -p "$dir/stubs"
"$dir/venv-retrieval/bin/python" -m grpc_tools.protoc -I protos --python_out="$dir/stubs" --grpc_python_out="$dir/stubs" \
  $(find protos/illmrec -name '*.proto' | sort)
swift build -c release --product SearchProbe
swift build -c release --product illmrec-retrieval

PYTHONPATH="$dir/stubs" exec "$dir/venv-retrieval/bin/python" "$source/bench.py" --dir "$dir/retrieval" \
  --probe .build/release/SearchProbe --service .build/release/illmrec-retrieval --bandwidth "$dir/retrieval/bandwidth" "$@"
