#!/usr/bin/env bash
# Searches against pip's newest FAISS on clustered vectors, in one run; writes RETRIEVAL-BENCHMARKS.md. Arguments go to
# Benchmarks/RetrievalBenchmark/bench.py (--parts, --rounds, --threads …).
#
# BENCH_DIR: where vectors, versions and the peer's environment are kept, .build-bench by default; 2 GB for all parts.
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
swift build -c release --product SearchProbe

exec "$dir/venv-retrieval/bin/python" "$source/bench.py" --dir "$dir/retrieval" \
  --probe .build/release/SearchProbe --bandwidth "$dir/retrieval/bandwidth" "$@"
