#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each service at several times its capacity over loopback, on a small random checkpoint: how much it still answers, how fast it refuses
# the rest, and how long health checks wait. Arguments go to Benchmarks/OverloadBenchmark/bench.py (--services, --seconds, --load,
# --deadline, --callers), and what it does not know to the services (--max-queue-seconds, --threads …).
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/loopback-setup.sh

exec "$python" Benchmarks/OverloadBenchmark/bench.py --programs "$programs" --checkpoint "$checkpoint" "$@"
