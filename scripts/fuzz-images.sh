#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes the image codec with libFuzzer under the address and undefined-behaviour sanitizers.
#
#     scripts/fuzz-images.sh SECONDS SEEDS...
#
# SEEDS are folders of image files to start from. Exits 1 at the first crash, leak, or input that takes over 2 seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?seconds to run}
shift
out=.build/fuzz-images
mkdir -p "$out/corpus"
clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
  -ISources/CImageCodec/include -ISources/CCPU/include \
  Tests/ImageFuzz/fuzz_images.c Sources/CImageCodec/*.c Sources/CCPU/cpu.c -ljpeg -lpng -lwebp -lwebpdemux -lz -lm -o "$out/fuzz"
"$out/fuzz" -max_total_time="$seconds" -timeout=2 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 \
  -artifact_prefix="$out/" "$out/corpus" "$@"
