// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// Of scripts/fuzz.sh's builds. Not given to the whole build: Swift's own headers, which are C as well, would be checked.
let fuzzedFlags =
  Context.environment["ILLMREC_FUZZ"] == nil
  ? []
  : [
    "-fsanitize=undefined", "-fno-sanitize-recover=undefined",
    "-fsanitize-ignorelist=\(Context.packageDirectory)/Tests/Fuzz/not-ours.txt",
  ]

// The C targets are optimised in debug builds too: they hold every hot loop, and tests run real models.
let cFlags = ["-O3", "-Wall", "-Wextra", "-Werror", "-fno-math-errno"]

/// Without scripts/fuzz.sh's sanitizers: with them the compiler takes minutes and a gigabyte for a file of unrolled loops. What is
/// fuzzed widens mapped weights by them, which the address sanitizer does not watch; `make fuzz`'s graphs have those of search checked.
let unchecked: Set = ["CKernels", "CKernelReferences"]

func cFlags(_ target: String) -> [String] {
  if Context.environment["ILLMREC_FUZZ"] == nil { return cFlags }
  return cFlags + (unchecked.contains(target) ? ["-fno-sanitize=address,fuzzer"] : fuzzedFlags)
}

extension Target.Dependency {
  static let grpcCore = product(name: "GRPCCore", package: "grpc-swift-2")
  static let grpcInProcess = product(name: "GRPCInProcessTransport", package: "grpc-swift-2")
  static let grpcProtobuf = product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
  static let protobuf = product(name: "SwiftProtobuf", package: "swift-protobuf")
  static let logging = product(name: "Logging", package: "swift-log")
  static let metrics = product(name: "Metrics", package: "swift-metrics")
  static let coreMetrics = product(name: "CoreMetrics", package: "swift-metrics")
  static let lifecycle = product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
  static let lifecycleTestKit = product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle")
  static let unixSignals = product(name: "UnixSignals", package: "swift-service-lifecycle")
  static let configuration = product(name: "Configuration", package: "swift-configuration")
  static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
  static let grdb = product(name: "GRDB", package: "GRDB.swift")
  static let mustache = product(name: "Mustache", package: "swift-mustache")
  static let sqlite = product(name: "GRDBSQLite", package: "GRDB.swift")
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
func shim(
  _ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil, exclude: [String] = [],
  linking libraries: [String] = []
) -> Target {
  .target(
    name: name,
    dependencies: dependencies,
    path: path,
    exclude: exclude,
    cSettings: [.unsafeFlags(cFlags(name))],
    cxxSettings: [.unsafeFlags(cFlags(name))],
    linkerSettings: libraries.map { .linkedLibrary($0) })
}

/// What tests of services need: the API, and servers and clients within one process.
let rpcTests: [Target.Dependency] = [
  "ServiceAPI", "GRPCTransport", "TestSupport", "ServiceTestSupport", .grpcCore, .grpcInProcess, .protobuf, .logging,
]

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
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
  ],
  targets: [
    shim("CGrpcShim", linking: ["grpc", "gpr", "ssl", "crypto", "z"]),
    shim("CCPU"),
    shim("CKernels", ["CCPU"], exclude: ["README.md"], linking: ["openblas"]),
    shim("CImageCodec", ["CCPU"], linking: ["jpeg", "png", "tiff", "webp", "webpdemux", "z"]),
    shim("CSentencePiece", linking: ["sentencepiece", "sentencepiece_train"]),
    shim("CDigest", linking: ["crypto"]),
    shim("CSignature", linking: ["crypto"]),
    shim("CGzip", linking: ["z"]),
    shim("CProcess"),
    shim("CVectorIndex", ["CKernels"]),

    library("GRPCTransport", ["CGrpcShim", .grpcCore]),
    library("ServiceAPI", [.grpcCore, .grpcProtobuf, .protobuf]),
    library("Basics"),
    library("Digest", ["CDigest"]),
    library("Kernels", ["CKernels"]),
    library("Items"),
    library("JSONWebTokens", ["Basics", "CSignature"]),
    library("HTTPServer", ["Basics"]),
    library("Traces", [.grpcCore, .grpcProtobuf, .protobuf, .logging, .metrics, .lifecycle]),
    library("PrometheusMetrics", [.coreMetrics]),
    library("Pages", ["Basics", "Digest", .mustache]),
    library("CatalogStore", ["Basics", "Items", "Digest", .grdb]),
    library("Models", ["Basics", "Items", "Kernels", "CGzip", "CImageCodec", "CSentencePiece", "Digest"]),
    library("Datasets", ["Basics", "Items", "CGzip"]),
    .target(
      name: "Training",
      dependencies: ["Basics", "Items", "Kernels", "Models", "Datasets", "Evaluation", "Digest", "CGzip"],
      resources: [.embedInCode("Prompts/questions.json")], swiftSettings: swiftSettings),
    library("Evaluation", ["Basics", "Items", "Datasets", "Models"]),
    library("Backups", ["Basics", "Digest", "CatalogStore", "VectorIndex"]),
    library("Rollouts", ["Basics", "Digest"]),
    library("VectorIndex", ["Basics", "Items", "Kernels", "CVectorIndex", "Digest", "Rollouts"]),
    library(
      "MilvusBackend", ["VectorIndex", "GRPCTransport", .grpcCore, .grpcProtobuf, .protobuf]),
    library(
      "ServiceSupport",
      [
        "Basics", "CProcess", "Digest", "Items", "JSONWebTokens", "GRPCTransport", "HTTPServer", "Pages",
        "PrometheusMetrics", "ServiceAPI", "Traces", .grpcCore, .grpcProtobuf, .protobuf, .logging, .metrics,
        .lifecycle,
        .unixSignals, .configuration, .argumentParser,
      ]),
    library(
      "ModelServing",
      [
        "Basics", "Models", "PrometheusMetrics", "ServiceAPI", "ServiceSupport", .grpcCore, .protobuf, .logging,
        .argumentParser,
      ]),
    library(
      "Recommender",
      [
        "Basics", "GRPCTransport", "Items", "Rollouts", "ServiceAPI", "ServiceSupport", "Traces", .grpcCore,
        .grpcProtobuf, .protobuf, .logging,
      ]),
    executable(
      "EncoderService",
      [
        "Basics", "Items", "CatalogStore", "Models", "ModelServing", "GRPCTransport", "PrometheusMetrics",
        "ServiceAPI", "ServiceSupport", "Digest", .grpcCore, .protobuf, .logging, .metrics, .lifecycle,
        .argumentParser,
        .configuration,
      ]),
    executable(
      "LLMService",
      [
        "Basics", "Models", "ModelServing", "Kernels", "GRPCTransport", "ServiceAPI", "ServiceSupport", .grpcCore,
        .protobuf, .logging,
        .metrics,
        .argumentParser,
        .configuration,
      ]),
    executable(
      "RetrievalService",
      [
        "Basics", "VectorIndex", "MilvusBackend", "PrometheusMetrics", "Rollouts", "GRPCTransport", "ServiceAPI",
        "ServiceSupport", .grpcCore, .protobuf, .logging, .metrics, .lifecycle, .argumentParser, .configuration,
      ]),
    executable(
      "CLI",
      [
        "Backups", "Basics", "Items", "Kernels", "Models", "Datasets", "Training", "Evaluation", "Recommender",
        "ModelServing", "Pages", "ServiceAPI", "ServiceSupport", "GRPCTransport",
        "Digest", "CProcess", .grpcCore,
        .protobuf, .logging, .argumentParser, .configuration, .unixSignals,
      ]),

    // What tests of every kind share; no product links it.
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: swiftSettings),
    .target(
      name: "ServiceTestSupport",
      dependencies: ["ServiceSupport", "GRPCTransport", "TestSupport", .grpcCore, .grpcInProcess, .logging],
      path: "Tests/ServiceTestSupport", swiftSettings: swiftSettings),
    .target(
      name: "VectorTestSupport", dependencies: ["VectorIndex"], path: "Tests/VectorTestSupport",
      swiftSettings: swiftSettings),
    tests("BasicsTests", ["Basics", "TestSupport"]),
    tests("JSONWebTokensTests", ["Basics", "JSONWebTokens", "TestSupport"]),
    tests("HTTPServerTests", ["HTTPServer", "TestSupport"]),
    tests("PrometheusMetricsTests", ["PrometheusMetrics", "TestSupport", .coreMetrics]),
    tests(
      "TracesTests", ["Traces", "GRPCTransport", "TestSupport", .grpcCore, .protobuf, .logging, .lifecycleTestKit]),
    tests("GRPCTransportTests", ["GRPCTransport", "CGrpcShim", "TestSupport", .grpcCore]),
    .target(
      name: "InteropService", dependencies: ["GRPCTransport", .grpcCore, .protobuf], path: "Tests/Interop/Service",
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "InteropProbe", dependencies: ["InteropService", "GRPCTransport", .grpcCore], path: "Tests/Interop/Probe",
      swiftSettings: swiftSettings),
    tests("InteropTests", ["InteropService", "GRPCTransport", .grpcCore]),
    shim("CKernelReferences", ["CKernels"], path: "Tests/CKernelReferences"),
    tests("KernelsTests", ["Kernels", "CKernels", "CKernelReferences", "TestSupport"]),
    tests("ModelsTests", ["Items", "Models", "Kernels", "TestSupport"]),
    tests("DatasetsTests", ["Basics", "Items", "Datasets", "TestSupport"]),
    tests("EvaluationTests", ["Items", "Evaluation", "Datasets", "Models", "TestSupport"]),
    tests(
      "TrainingTests", ["Basics", "Items", "Training", "Evaluation", "Datasets", "Models", "Kernels", "TestSupport"]),
    tests(
      "BackupsTests",
      ["Backups", "Basics", "CatalogStore", "CrashProbe", "Items", "TestSupport", "VectorIndex"]),
    tests("RolloutsTests", ["Basics", "Digest", "Rollouts", "TestSupport"]),
    .executableTarget(
      name: "CrashProbe", dependencies: ["Basics", "VectorIndex", "Rollouts", "TestSupport"], path: "Tests/CrashProbe",
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "EchoProbe", dependencies: ["ServiceSupport", .grpcCore, .protobuf, .argumentParser],
      path: "Benchmarks/TransportBenchmark/Sources", exclude: ["CoreServer", "NIOServer"],
      sources: ["EchoAPI", "EchoProbe"], swiftSettings: swiftSettings),
    .executableTarget(
      name: "SearchProbe", dependencies: ["VectorIndex"], path: "Benchmarks/RetrievalBenchmark/SearchProbe",
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "TrainingProbe", dependencies: ["Training", "Models"], path: "Benchmarks/TrainingBenchmark/TrainingProbe",
      swiftSettings: swiftSettings),
    tests(
      "VectorIndexTests",
      ["Basics", "VectorIndex", "CVectorIndex", "Rollouts", "CrashProbe", "TestSupport", "VectorTestSupport"]),
    tests("MilvusBackendTests", ["MilvusBackend", "VectorIndex", "GRPCTransport", "TestSupport", .grpcCore]),
    tests(
      "ServiceSupportTests",
      ["Basics", "HTTPServer", "PrometheusMetrics", "ServiceSupport", "Traces"] + rpcTests + [
        .grpcProtobuf, .lifecycleTestKit, .argumentParser, .metrics,
      ]),
    .executableTarget(
      name: "CatalogProbe", dependencies: ["Basics", "CatalogStore", "Items", .grdb, .sqlite],
      path: "Tests/CatalogProbe",
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "TrainingsProbe", dependencies: ["Basics", "ModelServing"], path: "Tests/TrainingsProbe",
      swiftSettings: swiftSettings),
    tests("CatalogStoreTests", ["Basics", "CatalogStore", "CatalogProbe", "Items", "TestSupport", .grdb]),
    tests(
      "EncoderServiceTests",
      [
        "Basics", "EncoderService", "CatalogStore", "Items", "Models", "ModelServing", "ServiceSupport", .grdb,
        .grpcProtobuf,
      ] + rpcTests),
    tests(
      "LLMServiceTests",
      ["LLMService", "Items", "Models", "ModelServing", "TrainingsProbe", "Kernels", "ServiceSupport"] + rpcTests + [
        .argumentParser, .grpcProtobuf,
      ]),
    tests(
      "RetrievalServiceTests",
      [
        "Basics", "RetrievalService", "VectorIndex", "MilvusBackend", "PrometheusMetrics", "Rollouts", "ServiceSupport",
        "VectorTestSupport",
        .grpcProtobuf, .argumentParser,
      ] + rpcTests),
    tests("RecommenderTests", ["Basics", "Recommender", "ServiceSupport", "Traces"] + rpcTests),
    .executableTarget(
      name: "ImageProbe", dependencies: ["Models", "Digest"], path: "Tests/ImageProbe", swiftSettings: swiftSettings),
    .executableTarget(
      name: "TokenizerProbe", dependencies: ["Models"], path: "Tests/TokenizerProbe", swiftSettings: swiftSettings),
    tests(
      "CLITests",
      [
        "Basics", "CLI", "Items", "Datasets", "Digest", "Evaluation", "Models", "Pages", "ServiceSupport",
        "Training", .grpcProtobuf, .argumentParser,
      ] + rpcTests),
    tests(
      "IntegrationTests",
      [
        "CLI", "PrometheusMetrics", "ServiceAPI", "ServiceSupport", "GRPCTransport", "Kernels", "Models", "TestSupport",
        .grpcCore, .protobuf,
        .argumentParser,
      ]),
  ]
)

// Instrumented by scripts/fuzz.sh, which links them: nothing else builds them.
if Context.environment["ILLMREC_FUZZ"] != nil {
  package.targets += [
    shim("FuzzHarness", path: "Tests/Fuzz/Harness"),
    .target(
      name: "FuzzReaders",
      // CCPU: a C target of which only other C targets know would not be compiled.
      dependencies: [
        "FuzzHarness", "Basics", "CCPU", "CGzip", "Datasets", "Digest", "HTTPServer", "JSONWebTokens", "Kernels",
        "Models",
        "Rollouts", "ServiceAPI", "ServiceSupport", "Traces", "VectorIndex", .protobuf,
      ],
      path: "Tests/Fuzz/Readers", swiftSettings: swiftSettings),
  ]
}
