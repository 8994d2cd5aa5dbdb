#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole stack under mixed load for as long as --minutes says: whether memory, descriptors or threads grow. Arguments go to
# Benchmarks/Soak/soak.py.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/loopback-setup.sh

exec "$python" Benchmarks/Soak/soak.py --programs "$programs" --checkpoint "$checkpoint" "$@"
