#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures the matrix products of the models' shapes as a share of the machine's peak: scripts/bench-gemm.sh [THREADS]
set -euo pipefail
cd "$(dirname "$0")/.."
sources=Sources/CKernels cpu=Sources/CCPU
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
clang -O3 -fno-math-errno -I "$sources/include" -I "$cpu/include" -I "$sources" -o "$out/gemm" \
  Benchmarks/ModelBenchmark/gemm/gemm.c "$sources"/packed_*.c "$sources"/{gemm,team}.c "$cpu/cpu.c" -lopenblas -pthread \
  -lm
"$out/gemm" "$@"
