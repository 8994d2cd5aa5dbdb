#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes what reads foreign bytes in C and C++: libFuzzer with the address and undefined-behaviour sanitizers.
#
#     scripts/fuzz.sh RUNS SECONDS PARSER...
#
# Each PARSER, all when none is named, takes RUNS inputs, or fewer if SECONDS are over before. It begins with seeds that it
# makes itself, and with what earlier runs found of use (.build/fuzz/corpus). IMAGES="folders" adds image files.
#
# An input fails that crashes, breaks a promise of the parser, takes a second of processor time, or brings the process over
# 512 MB of memory, of which the sanitizers and the corpus take 60 to 150. It is kept, and how to repeat it is printed.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:?inputs for each parser} seconds=${2:?seconds for each parser}
shift 2

parsers=(jpeg png webp gif bmp tiff http2_frames graph sentencepiece)

out=.build/fuzz
sanitizers=(-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
  -fsanitize-ignorelist=Tests/Fuzz/not-ours.txt)
includes=()
for folder in Tests/Fuzz/Harness/include Sources/C*/include; do includes+=("-I$folder"); done
mkdir -p "$out/failed"
# Freed memory is kept for a while to find its use; little of it, for the limit counts it too.
export ASAN_OPTIONS=quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1

# Compiles one program from a harness and what it reads by, unless no source is newer than it. Libraries begin with -.
compile() {
  local program=$out/$1 source object objects=() libraries=()
  shift
  if [ -x "$program" ] && [ -z "$(find Tests/Fuzz Sources/C* -newer "$program" -name '*.[ch]*' -print -quit)" ]; then
    return
  fi
  for source in Tests/Fuzz/Harness/harness.c "$@"; do
    case $source in -*) libraries+=("$source") && continue ;; esac
    object=$program.objects/${source//\//-}.o
    mkdir -p "$program.objects"
    case $source in
      *.cc) clang++ -std=c++17 "${sanitizers[@]}" -fsanitize=fuzzer-no-link "${includes[@]}" -c "$source" -o "$object" ;;
      *) clang "${sanitizers[@]}" -fsanitize=fuzzer-no-link "${includes[@]}" -c "$source" -o "$object" ;;
    esac
    objects+=("$object")
  done
  clang++ "${sanitizers[@]}" -fsanitize=fuzzer -fuse-ld=lld "${objects[@]}" "${libraries[@]}" -o "$program"
}

images=(Tests/Fuzz/Native/images.c Tests/Fuzz/Native/seed_files.c Sources/CImageCodec/*.c Sources/CCPU/cpu.c
  -ljpeg -lpng -lwebp -lwebpdemux -ltiff -lz -lm)
graph=(Tests/Fuzz/Native/graph.cc Sources/CVectorIndex/*.cc Sources/CKernels/search*.c Sources/CKernels/codes*.c
  Sources/CKernels/team.c Sources/CKernels/squared_norm.c Sources/CCPU/cpu.c -lopenblas -lm -lpthread)

build() {
  case $1 in
    jpeg | png | webp | gif | bmp | tiff)
      compile images "${images[@]}"
      ln -sf images "$out/$1"
      ;;
    http2_frames) compile "$1" Tests/Fuzz/Native/http2_frames.c Sources/CGrpcShim/http2_frames.c ;;
    graph) compile "$1" "${graph[@]}" ;;
    sentencepiece)
      compile "$1" Tests/Fuzz/Native/sentencepiece.c Sources/CSentencePiece/sentencepiece.cc -lsentencepiece -lsentencepiece_train
      ;;
    *)
      echo "There is no parser $1; there are: ${parsers[*]}" >&2
      exit 2
      ;;
  esac
}

fuzz() {
  local name=$1 log=$out/$1.log more=()
  build "$name"
  mkdir -p "$out/corpus/$name" "$out/seeds/$name"
  "$out/$name" --seeds "$out/seeds/$name"
  case $name in jpeg | png | webp | gif | bmp | tiff) read -ra more <<<"${IMAGES:-}" ;; esac
  if "$out/$name" -runs="$runs" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=512 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$out/failed/$name-" "$out/corpus/$name" "$out/seeds/$name" "${more[@]}" >"$log" 2>&1; then
    awk -v name="$name" '/number_of_executed_units/ { units = $2 } /average_exec_per_sec/ { rate = $2 } /peak_rss_mb/ { peak = $2 }
      END { printf "%-20s %9d inputs, %6d a second, %4d MB at most\n", name, units, rate, peak }' "$log"
    return
  fi
  failed=$((failed + 1))
  echo "$name failed; the report is in $log. Once more:" >&2
  sed -n "s|.*Test unit written to \(.*\)|    $out/$name \1|p" "$log" >&2
}

failed=0
[ $# -gt 0 ] || set -- "${parsers[@]}"
for parser in "$@"; do fuzz "$parser"; done
exit $((failed > 0))
