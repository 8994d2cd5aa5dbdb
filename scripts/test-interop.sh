#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Has the transport's client and server meet those of gRPC's interoperability tests: C++ and Go by Debian's sources of gRPC 1.51.1 and
# grpc-go 1.33.3, Python by PyPI's grpcio with the cases of the former. Sources and programs are kept in .build-interop; the first run
# takes ten minutes on two cores. Arguments go to Tests/Interop/interop.py.
set -euo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
peers=$PWD/.build-interop
mkdir -p "$peers"

# The sources of Debian 12, whatever the machine's own list has.
fetch_sources() {
  mkdir -p "$peers/apt/lists/partial" "$peers/download"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" \
    > "$peers/apt/sources.list"
  local options=(-qq -o "Dir::Etc::sourcelist=$peers/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$peers/apt/lists" -o "Dir::Cache=$peers/apt" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update
  (cd "$peers/download" && apt-get "${options[@]}" source --download-only grpc golang-google-grpc)
  mkdir -p "$peers/grpc" "$peers/gopath/src/google.golang.org/grpc"
  tar -xf "$peers"/download/grpc_*.orig.tar.gz -C "$peers/grpc" --strip-components 1
  tar -xf "$peers"/download/golang-google-grpc_*.orig.tar.xz -C "$peers/gopath/src/google.golang.org/grpc" --strip-components 1
}

build_cpp() {
  local out=$peers/cpp sources=$peers/grpc name source
  mkdir -p "$out/generated"
  for name in empty messages test; do
    protoc -I "$sources" --cpp_out="$out/generated" --grpc_out="$out/generated" \
      --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" "src/proto/grpc/testing/$name.proto"
  done
  # The warnings of others' code are theirs.
  for source in "$out"/generated/src/proto/grpc/testing/{empty.pb,messages.pb,test.pb,test.grpc.pb}.cc \
    "$sources"/test/core/util/histogram.cc "$sources"/test/cpp/interop/{interop_client,server_helper}.cc \
    Tests/Interop/peers/{client,server}.cc; do
    g++ -std=c++17 -w -I "$out/generated" -I "$sources" -c "$source" -o "$out/$(basename "$source" .cc).o"
  done
  local messages=("$out"/{empty.pb,messages.pb,test.pb,test.grpc.pb}.o) libraries
  read -ra libraries <<< "$(pkg-config --libs grpc++ protobuf absl_flags absl_strings absl_str_format)"
  g++ -o "$out/client" "$out"/{client,interop_client,histogram}.o "${messages[@]}" "${libraries[@]}"
  g++ -o "$out/server" "$out"/{server,server_helper}.o "${messages[@]}" "${libraries[@]}"
}

build_go() {
  # Debian's Go packages are found by path, not by module.
  GO111MODULE=off GOCACHE=$peers/gocache GOPATH=$peers/gopath:/usr/share/gocode go build -o "$peers/go-peer" Tests/Interop/peers/peer.go
}

build_python() {
  python3 -m venv "$peers/venv"
  "$peers/venv/bin/pip" install -q grpcio grpcio-tools coverage google-auth requests
  mkdir -p "$peers/python"
  "$peers/venv/bin/python" -m grpc_tools.protoc -I "$peers/grpc" --python_out="$peers/python" --grpc_python_out="$peers/python" \
    src/proto/grpc/testing/{empty,messages,test}.proto
}

# The program alone: its package would start a server on port 80.
find_nginx() {
  local program
  program=$(PATH=$PATH:/usr/sbin command -v nginx || true)
  if [ -z "$program" ]; then
    (cd "$peers/download" && apt-get download -qq -o APT::Sandbox::User=root nginx && dpkg -x nginx_*.deb "$peers/nginx-package")
    program=$peers/nginx-package/usr/sbin/nginx
  fi
  ln -sf "$program" "$peers/nginx"
}

scripts/install-packages.sh packages-dev.txt
[ -d "$peers/gopath" ] || { echo "Fetching the sources of gRPC and grpc-go"; fetch_sources; }
[ -x "$peers/cpp/server" ] || { echo "Building the C++ client and server"; build_cpp; }
[ -x "$peers/go-peer" ] || { echo "Building the Go client and server"; build_go; }
[ -d "$peers/python" ] || { echo "Installing grpcio and its messages"; build_python; }
[ -x "$peers/nginx" ] || find_nginx
$swift build --product InteropProbe
Tests/Interop/interop.py .build/debug/InteropProbe "$peers" "$@"
