#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Has promtool check what a retrieval service and a gateway export, and the alert rules. Listens on free ports of 127.0.0.1 alone.
#
# usage: scripts/check-metrics.sh DIRECTORY-OF-THE-EXECUTABLES
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1
command -v promtool >/dev/null || scripts/install-packages.sh packages-dev.txt
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

start() {
  local name=$1
  shift
  "$@" --port 0 --http-port 0 --http-port-file "$work/$name.http" --port-file "$work/$name.port" --shutdown-grace 0 \
    2>"$work/$name.log" &
  pids+=($!)
  for _ in $(seq 300); do
    [ -s "$work/$name.port" ] && return
    sleep 0.1
  done
  cat "$work/$name.log"
  exit 1
}

# check NAME: ready, and what it exports.
check() {
  local base
  base="http://127.0.0.1:$(cat "$work/$1.http")"
  [ "$(curl -s -o /dev/null -w '%{http_code}' "$base/readyz")" = 200 ]
  curl -sf "$base/metrics" >"$work/$1.metrics"
  promtool check metrics <"$work/$1.metrics"
  echo "$1: $(grep -vc '^#' "$work/$1.metrics") lines of samples are sound."
}

promtool check rules deploy/prometheus/illmrec.rules.yml
promtool test rules deploy/prometheus/illmrec.rules.test.yml
python3 -m json.tool deploy/grafana/illmrec.json >/dev/null
start retrieval "$bin/illmrec-retrieval" --data "$work/data"
start gateway "$bin/illmrec" gateway --retrieval "127.0.0.1:$(cat "$work/retrieval.port")"
check retrieval
check gateway
