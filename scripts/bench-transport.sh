#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Unary echo over the loopback interface: this transport alone and within a whole service, grpc-swift-nio-transport and a gRPC C++
# callback server behind the same C client. Arguments go to Benchmarks/TransportBenchmark/bench.py (--rounds, --seconds, --in-flight, --payload, --json …).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-packages.sh packages-dev.txt
cd Benchmarks/TransportBenchmark

peers=.build-peers
mkdir -p "$peers"
if [ peers/callback_server.cc -nt "$peers/callback-server" ] || [ protos/echo.proto -nt "$peers/callback-server" ]; then
  protoc -I protos --cpp_out="$peers" --grpc_out="$peers" --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" echo.proto
  # pkg-config names the absl libraries that gRPC C++ headers use.
  g++ -O2 -std=c++17 -I "$peers" peers/callback_server.cc "$peers"/echo.pb.cc "$peers"/echo.grpc.pb.cc \
    -o "$peers/callback-server" $(pkg-config --libs grpc++ protobuf)
fi
if [ peers/client.c -nt "$peers/client" ]; then
  cc -O2 -Wall -Wextra -Werror peers/client.c -o "$peers/client" -lgrpc -lgpr
fi
swift build -c release
swift build -c release --package-path ../.. --product EchoProbe

# What calls cost in a service: a log, metrics, spans, limits of connections and calls are on.
exec python3 bench.py --client "$peers/client" \
  --server core=.build/release/core-server \
  --server service="../../.build/release/EchoProbe --port 0 --port-file {port_file} --http-port 0 --log-level warning" \
  --server nio=.build/release/nio-server \
  --server c++="$peers/callback-server" "$@"
