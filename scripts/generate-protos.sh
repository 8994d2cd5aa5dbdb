#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Regenerates Sources/ServiceAPI/Generated from protos/, with the plugins of the resolved package versions.
set -euo pipefail
cd "$(dirname "$0")/.."

plugins=.build-protoc-plugins/release
if [ ! -x "$plugins/protoc-gen-grpc-swift-2" ] || [ ! -x "$plugins/protoc-gen-swift" ]; then
  echo "Building the protoc plugins (about 3 minutes, once)"
  swift package resolve
  for product in protoc-gen-swift protoc-gen-grpc-swift-2; do
    swift build -c release --package-path .build/checkouts/grpc-swift-protobuf \
      --scratch-path "$PWD/.build-protoc-plugins" --product "$product"
  done
fi

out=Sources/ServiceAPI/Generated
rm -rf "$out" && mkdir -p "$out"
protoc -I protos -I protos/third_party \
  --plugin=protoc-gen-swift="$plugins/protoc-gen-swift" \
  --swift_out="$out" --swift_opt=Visibility=Public,UseAccessLevelOnImports=true \
  --plugin=protoc-gen-grpc-swift-2="$plugins/protoc-gen-grpc-swift-2" \
  --grpc-swift-2_out="$out" --grpc-swift-2_opt=Visibility=Public,UseAccessLevelOnImports=true \
  $(cd protos && find illmrec -name '*.proto' | sort) grpc/health/v1/health.proto grpc/reflection/v1/reflection.proto

# The files' own description, for what treats messages by their shape and for reflection, whose older name needs no code of its own.
# Base64 compiles in no time, an array of bytes does not.
description=$(mktemp)
trap 'rm -f "$description"' EXIT
protoc -I protos -I protos/third_party --include_imports --descriptor_set_out="$description" \
  $(cd protos && find illmrec -name '*.proto' | sort) grpc/health/v1/health.proto \
  grpc/reflection/v1/reflection.proto grpc/reflection/v1alpha/reflection.proto
{
  printf '// Written by scripts/generate-protos.sh.\n\n'
  printf '/// The google.protobuf.FileDescriptorSet of the files that this module is generated from, and of those that they import.\n'
  printf 'public enum FileDescriptions {\n  /// In base64.\n  public static let base64 = """\n'
  base64 -w 120 "$description" | sed 's/^/    /; s/$/\\/; $ s/\\$//'
  printf '    """\n}\n'
} > "$out/FileDescriptions.swift"
echo "Wrote $(find "$out" -name '*.swift' | wc -l) files to $out"

# The client side alone of Milvus' API, for the one target that speaks it.
out=Sources/MilvusBackend/Generated
rm -rf "$out" && mkdir -p "$out"
protoc -I protos/third_party \
  --plugin=protoc-gen-swift="$plugins/protoc-gen-swift" \
  --swift_out="$out" --swift_opt=Visibility=Internal,UseAccessLevelOnImports=true \
  --plugin=protoc-gen-grpc-swift-2="$plugins/protoc-gen-grpc-swift-2" \
  --grpc-swift-2_out="$out" --grpc-swift-2_opt=Visibility=Internal,UseAccessLevelOnImports=true,Server=false \
  $(cd protos/third_party && find milvus -name '*.proto' | sort)
echo "Wrote $(find "$out" -name '*.swift' | wc -l) files to $out"

# The collector's side is for the tests, which are one.
out=Sources/Traces/Generated
rm -rf "$out" && mkdir -p "$out"
protoc -I protos/third_party \
  --plugin=protoc-gen-swift="$plugins/protoc-gen-swift" \
  --swift_out="$out" --swift_opt=Visibility=Internal,UseAccessLevelOnImports=true \
  --plugin=protoc-gen-grpc-swift-2="$plugins/protoc-gen-grpc-swift-2" \
  --grpc-swift-2_out="$out" --grpc-swift-2_opt=Visibility=Internal,UseAccessLevelOnImports=true \
  $(cd protos/third_party && find opentelemetry -name '*.proto' | sort)
echo "Wrote $(find "$out" -name '*.swift' | wc -l) files to $out"

# Messages alone: the tests' methods are announced by hand, so that they see how each message came.
out=Tests/Interop/Service/Generated
rm -rf "$out" && mkdir -p "$out"
protoc -I Tests/Interop/protos \
  --plugin=protoc-gen-swift="$plugins/protoc-gen-swift" \
  --swift_out="$out" --swift_opt=Visibility=Package,UseAccessLevelOnImports=true,FileNaming=DropPath grpc/testing/interop.proto
echo "Wrote $(find "$out" -name '*.swift' | wc -l) files to $out"
