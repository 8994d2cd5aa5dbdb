// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let package = Package(
  name: "transport-benchmark",
  dependencies: [
    .package(name: "illmrec", path: "../.."),
    .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    .target(
      name: "EchoAPI",
      dependencies: [
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    .executableTarget(
      name: "core-server", dependencies: ["EchoAPI", .product(name: "GRPCTransport", package: "illmrec")],
      path: "Sources/CoreServer"),
    .executableTarget(
      name: "nio-server",
      dependencies: ["EchoAPI", .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")],
      path: "Sources/NIOServer"),
  ]
)
