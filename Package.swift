// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// The C targets are optimised in debug builds too: they hold every hot loop, and tests run real models.
let cFlags = ["-O3", "-Wall", "-Wextra", "-Werror", "-fno-math-errno"]

extension Target.Dependency {
  static let grpcCore = product(name: "GRPCCore", package: "grpc-swift-2")
  static let grpcInProcess = product(name: "GRPCInProcessTransport", package: "grpc-swift-2")
  static let grpcProtobuf = product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
  static let protobuf = product(name: "SwiftProtobuf", package: "swift-protobuf")
  static let logging = product(name: "Logging", package: "swift-log")
  static let metrics = product(name: "Metrics", package: "swift-metrics")
  static let lifecycle = product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
  static let lifecycleTestKit = product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle")
  static let unixSignals = product(name: "UnixSignals", package: "swift-service-lifecycle")
  static let configuration = product(name: "Configuration", package: "swift-configuration")
  static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
  static let grdb = product(name: "GRDB", package: "GRDB.swift")
}

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

/// A C or C++ target behind a C header, linked with `libraries`.
func shim(_ name: String, linking libraries: [String]) -> Target {
  .target(
    name: name,
    cSettings: [.unsafeFlags(cFlags)],
    cxxSettings: [.unsafeFlags(cFlags)],
    linkerSettings: libraries.map { .linkedLibrary($0) })
}

/// What tests of services need: the API, and servers and clients within one process.
let rpcTests: [Target.Dependency] = ["ServiceAPI", "GRPCTransport", .grpcCore, .grpcInProcess, .protobuf, .logging]

let package = Package(
  name: "illmrec",
  products: [
    .executable(name: "illmrec", targets: ["CLI"]),
    .executable(name: "illmrec-encoder", targets: ["EncoderService"]),
    .executable(name: "illmrec-llm", targets: ["LLMService"]),
    .executable(name: "illmrec-retrieval", targets: ["RetrievalService"]),
    .library(name: "GRPCTransport", targets: ["GRPCTransport"]),
    .library(name: "ServiceAPI", targets: ["ServiceAPI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    shim("CGrpcShim", linking: ["grpc", "gpr"]),
    shim("CKernels", linking: ["openblas"]),
    shim("CImageCodec", linking: ["jpeg", "png", "webp", "webpdemux", "z"]),
    shim("CSentencePiece", linking: ["sentencepiece", "sentencepiece_train"]),
    shim("CDigest", linking: ["crypto"]),
    shim("CGzip", linking: ["z"]),
    shim("CProcess", linking: []),
    .target(
      name: "CVectorIndex", dependencies: ["CKernels"], cSettings: [.unsafeFlags(cFlags)],
      cxxSettings: [.unsafeFlags(cFlags)]),

    library("GRPCTransport", ["CGrpcShim", .grpcCore]),
    library("ServiceAPI", [.grpcCore, .grpcProtobuf, .protobuf]),
    library("Digest", ["CDigest"]),
    library("Kernels", ["CKernels"]),
    library("Models", ["Kernels", "CImageCodec", "CSentencePiece", "Digest"]),
    library("Datasets", ["CGzip"]),
    .target(
      name: "Training", dependencies: ["Kernels", "Models", "Datasets", "Evaluation", "Digest", "CGzip"],
      resources: [.embedInCode("Prompts/questions.json")], swiftSettings: swiftSettings),
    library("Evaluation", ["Datasets", "Models"]),
    library("Rollouts", ["Digest"]),
    library("VectorIndex", ["Kernels", "CVectorIndex", "Digest", "Rollouts"]),
    library(
      "MilvusBackend", ["VectorIndex", "GRPCTransport", .grpcCore, .grpcProtobuf, .protobuf]),
    library(
      "ServiceSupport",
      [
        "GRPCTransport", "ServiceAPI", .grpcCore, .grpcProtobuf, .protobuf, .logging, .metrics, .lifecycle,
        .unixSignals, .configuration, .argumentParser,
      ]),
    library(
      "ModelServing", ["Models", "ServiceAPI", "ServiceSupport", .grpcCore, .logging, .argumentParser]),
    library(
      "Recommender", ["GRPCTransport", "ServiceAPI", "ServiceSupport", .grpcCore, .grpcProtobuf, .protobuf, .logging]),
    executable(
      "EncoderService",
      [
        "Models", "ModelServing", "ServiceAPI", "ServiceSupport", "Digest", .grdb, .grpcCore, .protobuf, .logging,
        .argumentParser,
        .configuration,
      ]),
    executable(
      "LLMService",
      [
        "Models", "ModelServing", "Kernels", "ServiceAPI", "ServiceSupport", .grpcCore, .protobuf, .logging, .metrics,
        .argumentParser,
        .configuration,
      ]),
    executable(
      "RetrievalService",
      [
        "VectorIndex", "MilvusBackend", "Rollouts", "GRPCTransport", "ServiceAPI", "ServiceSupport", .grpcCore,
        .protobuf,
        .logging, .lifecycle, .argumentParser, .configuration,
      ]),
    executable(
      "CLI",
      [
        "Kernels", "Models", "Datasets", "Training", "Evaluation", "Recommender", "ServiceAPI", "ServiceSupport",
        "GRPCTransport",
        "Digest", "CProcess", .grpcCore,
        .protobuf, .logging, .argumentParser, .configuration, .unixSignals,
      ]),

    tests("GRPCTransportTests", ["GRPCTransport", "CGrpcShim", .grpcCore]),
    tests("KernelsTests", ["Kernels", "CKernels"]),
    tests("ModelsTests", ["Models", "Kernels"]),
    tests("DatasetsTests", ["Datasets"]),
    tests("EvaluationTests", ["Evaluation", "Datasets", "Models"]),
    tests("TrainingTests", ["Training", "Evaluation", "Datasets", "Models", "Kernels"]),
    tests("RolloutsTests", ["Rollouts"]),
    .executableTarget(
      name: "CrashProbe", dependencies: ["VectorIndex", "Rollouts"], path: "Tests/CrashProbe",
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "SearchProbe", dependencies: ["VectorIndex"], path: "Benchmarks/RetrievalBenchmark/SearchProbe",
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "TrainingProbe", dependencies: ["Training", "Models"], path: "Benchmarks/TrainingBenchmark/TrainingProbe",
      swiftSettings: swiftSettings),
    tests("VectorIndexTests", ["VectorIndex", "CVectorIndex", "Rollouts", "CrashProbe"]),
    tests("MilvusBackendTests", ["MilvusBackend", "VectorIndex", "GRPCTransport", .grpcCore]),
    tests("ServiceSupportTests", ["ServiceSupport"] + rpcTests + [.grpcProtobuf, .lifecycleTestKit, .argumentParser]),
    tests("EncoderServiceTests", ["EncoderService", "Models", "ServiceSupport", .grdb] + rpcTests),
    tests(
      "LLMServiceTests",
      ["LLMService", "Models", "ModelServing", "Kernels", "ServiceSupport"] + rpcTests + [.argumentParser]),
    tests(
      "RetrievalServiceTests",
      ["RetrievalService", "VectorIndex", "MilvusBackend", "Rollouts", "ServiceSupport"] + rpcTests),
    tests("RecommenderTests", ["Recommender", "ServiceSupport"] + rpcTests),
    .executableTarget(
      name: "ImageProbe", dependencies: ["Models", "Digest"], path: "Tests/ImageProbe", swiftSettings: swiftSettings),
    tests(
      "CLITests",
      [
        "CLI", "Datasets", "Evaluation", "Models", "ServiceAPI", "ServiceSupport", .grpcCore, .protobuf,
        .argumentParser,
      ]),
    tests(
      "IntegrationTests", ["CLI", "ServiceAPI", "ServiceSupport", "GRPCTransport", "Models", .grpcCore, .protobuf]),
  ]
)
