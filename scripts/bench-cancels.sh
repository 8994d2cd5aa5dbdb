#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How soon each service stops computing for callers who have gone, and what thousands of them leave. Arguments go to
# Benchmarks/OverloadBenchmark/cancels.py (--services, --times, --cancels, --callers).
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/loopback-setup.sh

exec "$python" Benchmarks/OverloadBenchmark/cancels.py --programs "$programs" --checkpoint "$checkpoint" "$@"
