#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The services killed, stopped, without disk and with wrong clocks, by a seed: whether anything is lost or wrong. Arguments go to
# Benchmarks/Soak/chaos.py. The file system that gets full is mounted where nobody else sees it.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/loopback-setup.sh

command=("$python" Benchmarks/Soak/chaos.py --programs "$programs" --checkpoint "$checkpoint" "$@")
if unshare --mount true 2>/dev/null; then exec unshare --mount --propagation private "${command[@]}"; fi
exec "${command[@]}"
