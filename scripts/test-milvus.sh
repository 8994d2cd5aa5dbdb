#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of RetrievalService and of the Milvus client against a milvus-lite server on 127.0.0.1, which it installs from
# PyPI into .venv-milvus and ends with the tests. ILLMREC_MILVUS_ADDRESS names another server instead.
#
# FILTER=REGEX   other tests than the usual ones
# KILLS=NUMBER   kills of the service in the kill tests (8)
set -euo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
filter=${FILTER:-'MilvusBackendTests|RetrievalServiceTests'}
venv=.venv-milvus

if [ -z "${ILLMREC_MILVUS_ADDRESS:-}" ]; then
  if [ ! -x $venv/bin/milvus-lite ]; then
    echo "Installing milvus-lite into $venv (once)"
    python3 -m venv $venv
    # pymilvus brings the messages that the server speaks.
    $venv/bin/pip install -q "milvus-lite==3.2.2" "pymilvus==3.0.2"
  fi
  data=$(mktemp -d)
  port=$($venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  $venv/bin/milvus-lite server --data-dir "$data/milvus" --host 127.0.0.1 --port "$port" > "$data/log" 2>&1 &
  server=$!
  trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$data"' EXIT
  for _ in $(seq 100); do
    grep -q listening "$data/log" && break
    kill -0 $server 2>/dev/null || { cat "$data/log"; exit 1; }
    sleep 0.2
  done
  export ILLMREC_MILVUS_ADDRESS=127.0.0.1:$port
fi

echo "Milvus at $ILLMREC_MILVUS_ADDRESS"
$swift build --build-tests
ILLMREC_KILLS=${KILLS:-8} $swift test --skip-build --filter "$filter"
