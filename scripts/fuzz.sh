#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes what reads foreign bytes: libFuzzer with the address sanitizer, and in C and C++ the undefined-behaviour sanitizer; Swift
# traps by itself.
#
#     scripts/fuzz.sh RUNS SECONDS PARSER...
#
# Each PARSER, all when none is named, takes RUNS inputs, or fewer if SECONDS are over before. It begins with seeds that it
# makes itself, and with what earlier runs found of use (.build/fuzz/corpus). IMAGES="folders" adds image files.
# The first of Swift's parsers takes a release build of what it reads by; JOBS bounds how many compilers run at a time.
#
# An input fails that crashes, breaks a promise of the parser, takes a second of processor time, or brings the process over
# 512 MB of memory, of which the sanitizers and the corpus take 60 to 150. It is kept, and how to repeat it is printed.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:?inputs for each parser} seconds=${2:?seconds for each parser}
shift 2

native=(jpeg png webp gif bmp tiff http2_frames graph sentencepiece)
# Tests/Fuzz/Readers has them by these names.
readers=(safetensors safetensors_header torch torch_pickle numpy numpy_header gguf gguf_model tokenizer wordpiece
  character_map merges model_configuration preprocessor adapter training_notes weight_index amazon movielens recbole catalog published delimited_table separated_lines json_cursor
  item_categories item_table manifest serving_state outcome_ledger outcome_token key_set web_token http_request messages
  policy configuration trace_context)

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

# Builds the Swift targets and links all that they brought with them, for main is libFuzzer's. They are optimised, for a debug build
# takes ten times as long for an input, and keep the checks of debug builds. The fuzzer stands last: of sanitizers that are named one
# by one, swiftc lets the last alone say whether coverage is counted, and without it libFuzzer only guesses. swiftc links no
# undefined-behaviour sanitizer on Linux; the address sanitizer's library has all of it but what C++ needs, which clang tells.
compile_readers() {
  local program=$out/readers folder=$out/swift
  if [ -n "${readers_are_built:-}" ]; then return; fi
  ILLMREC_FUZZ=1 swift build -c release --scratch-path "$folder" --sanitize address --sanitize fuzzer --target FuzzReaders \
    -Xswiftc -enable-testing -Xswiftc -assert-config -Xswiftc Debug ${JOBS:+--jobs "$JOBS"} >"$out/swift.log" 2>&1 || {
    tail -40 "$out/swift.log" >&2
    exit 1
  }
  readers_are_built=yes
  find "$folder/release/" -path '*.build/*' -name '*.o' -print0 | sort -z >"$out/objects"
  if [ -x "$program" ] && [ -z "$(find "$folder/release/" -newer "$program" -name '*.o' -print -quit)" ]; then return; fi
  xargs -0 -a "$out/objects" swiftc -sanitize=address,fuzzer -use-ld=lld -o "$program" \
    "$(clang -print-resource-dir)/lib/linux/libclang_rt.asan_cxx-$(uname -m).a" \
    -ljpeg -lpng -lwebp -lwebpdemux -ltiff -lz -lopenblas -lsentencepiece -lsentencepiece_train -lgrpc -lgpr -lssl -lcrypto \
    -lstdc++ -lm
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
      [[ " ${readers[*]} " == *" $1 "* ]] || {
        echo "There is no parser $1; there are: ${native[*]} ${readers[*]}" >&2
        exit 2
      }
      compile_readers
      ln -sf readers "$out/$1"
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
# Files in memory that parsers were given, of programs that ended in the middle; another run may be under way.
sweep() {
  local folder
  for folder in /dev/shm/illmrec-fuzz-*; do [ -e "/proc/${folder##*-}" ] || rm -rf "$folder"; done
}
trap sweep EXIT
[ $# -gt 0 ] || set -- "${native[@]}" "${readers[@]}"
for parser in "$@"; do fuzz "$parser"; done
exit $((failed > 0))
