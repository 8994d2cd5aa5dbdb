// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCProtobuf
import GRPCTransport
import RetrievalService
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

/// GetServerInfo of an encoder and of an LLM service, as services that hold several trainings answer it.
private final class ScriptedTrainings: RegistrableRPCService {
  private let loaded: [String]
  let asked = Mutex<[String]>([])
  /// What ListSnapshots of the encoder answers; nil for one of before snapshots.
  let snapshots = Mutex<Encoder_ListSnapshotsResponse?>(nil)
  /// Items that LookupItems does not find.
  let missing = Mutex<Set<String>>([])
  let lookups = Mutex<[Encoder_LookupItemsRequest]>([])

  /// - Parameter loaded: the first is the default; empty for a service of before, which knows no field and has one training.
  init(_ loaded: [String]) { self.loaded = loaded }

  private func model(_ wanted: String) throws -> Common_ModelRef {
    asked.withLock { $0.append(wanted) }
    if loaded.isEmpty { return .with { ($0.name, $0.spaceFingerprint) = ("old", "space-1") } }
    let found = wanted.isEmpty ? loaded[0] : wanted
    guard loaded.contains(found) else { throw ServiceFailure(.trainingNotLoaded, "loaded: \(loaded)") }
    return .with { $0.spaceFingerprint = found }
  }

  func registerMethods(with router: inout RPCRouter<some ServerTransport>) {
    answer(Encoder_EncoderService.Method.GetServerInfo.descriptor, &router) {
      (request: Encoder_GetServerInfoRequest, model) -> Encoder_GetServerInfoResponse in
      let answered = try model(request.spaceFingerprint)
      return .with { $0.model = answered }
    }
    answer(Encoder_EncoderService.Method.ListSnapshots.descriptor, &router) {
      [snapshots = self] (_: Encoder_ListSnapshotsRequest, _) -> Encoder_ListSnapshotsResponse in
      guard let held = snapshots.snapshots.withLock(\.self) else {
        throw RPCError(code: .unimplemented, message: "an encoder of before")
      }
      return held
    }
    answer(Encoder_EncoderService.Method.LookupItems.descriptor, &router) {
      [self] (request: Encoder_LookupItemsRequest, _) -> Encoder_LookupItemsResponse in
      lookups.withLock { $0.append(request) }
      let missing = missing.withLock(\.self)
      return .with {
        $0.items = request.itemIds.map { id in
          .with { if missing.contains(id) { $0.result.error.reason = "ITEM_NOT_FOUND" } }
        }
      }
    }
    answer(LLM_LLMService.Method.GetServerInfo.descriptor, &router) {
      (request: LLM_GetServerInfoRequest, model) -> LLM_GetServerInfoResponse in
      let answered = try model(request.spaceFingerprint)
      return .with { $0.model = answered }
    }
  }

  private func answer<Request: Message, Response: Message>(
    _ method: MethodDescriptor, _ router: inout RPCRouter<some ServerTransport>,
    _ body: @escaping @Sendable (Request, (String) throws -> Common_ModelRef) throws -> Response
  ) {
    router.registerHandler(
      forMethod: method, deserializer: ProtobufDeserializer<Request>(), serializer: ProtobufSerializer<Response>()
    ) { [self] request, _ in
      let message = try await ServerRequest(stream: request).message
      return StreamingServerResponse(single: ServerResponse(message: try body(message, model)))
    }
  }

  /// Runs `body` while the services listen, with a target for each.
  static func serve(
    _ services: [ScriptedTrainings], targets: [String] = [], _ body: ([String]) async throws -> Void
  ) async throws {
    guard let first = services.first else { return try await body(targets) }
    let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
    let target = "127.0.0.1:\(transport.boundPort ?? 0)"
    try await withGRPCServer(transport: transport, services: [first]) { _ in
      try await serve(Array(services.dropFirst()), targets: targets + [target], body)
    }
  }
}

@Suite("A rollout starts when every service that encodes has the training", .timeLimit(.minutes(60)))
struct EncodingServicesTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// A second version of the training "space-2", and a third of the stable one's.
  private func run(_ services: EncodingServices, _ body: (RetrievalHarness) async throws -> Void) async throws {
    try await RetrievalHarness.run(directory.path, milvus: nil) { server in
      try await server.publish(Catalog(count: 10))
      try await server.publish(Catalog(count: 10, training: "space-2"))
      try await server.publish(Catalog(count: 10))
    }
    try await RetrievalHarness.run(directory.path, milvus: nil, encodingServices: services, body)
  }

  @Test
  func `It starts when all of them hold it, each asked for it by its fingerprint`() async throws {
    let services = (0..<3).map { _ in ScriptedTrainings(["space-1", "space-2"]) }
    try await ScriptedTrainings.serve(services) { targets in
      try await run(EncodingServices(encoders: [targets[0]], llms: Array(targets[1...]))) { server in
        let started = try await server.start(100)
        #expect(started.rollout.phase == .running)
      }
    }
    #expect(services.map { $0.asked.withLock(\.self) } == Array(repeating: ["space-2"], count: 3))
  }

  @Test
  func `One replica that lacks it is named with the remedy, and nothing has begun`() async throws {
    for lacking in [["space-1"], []] {
      let services = [ScriptedTrainings(["space-2"]), ScriptedTrainings(["space-2"]), ScriptedTrainings(lacking)]
      try await ScriptedTrainings.serve(services) { targets in
        try await RetrievalHarness.run(
          "\(directory.path)/\(lacking.count)", milvus: nil,
          encodingServices: EncodingServices(encoders: [targets[0]], llms: [targets[1], targets[2]])
        ) { server in
          try await server.publish(Catalog(count: 10))
          try await server.publish(Catalog(count: 10, training: "space-2"))
          await expectFailure(
            .failedPrecondition, "TRAINING_NOT_LOADED", field: "version", mentioning: "illmrec training load",
            "--llm \(targets[2])", "space-2"
          ) { try await server.start(100) }
          #expect(try await !server.routing().hasCandidate)
        }
      }
    }
  }

  @Test
  func `A service that cannot be asked holds the rollout up too`() async throws {
    try await ScriptedTrainings.serve([ScriptedTrainings(["space-2"])]) { targets in
      // Port 1 of this machine: nobody listens there.
      try await run(EncodingServices(encoders: ["127.0.0.1:1"], llms: targets)) { server in
        await expectFailure(
          .failedPrecondition, "TRAINING_UNVERIFIED", field: "version", mentioning: "encoder at 127.0.0.1:1"
        ) { try await server.start(100) }
      }
    }
  }

  @Test
  func `A version whose snapshot an encoder lacks is neither promoted nor rolled out further, by name`() async throws {
    var second = Catalog(count: 10)
    second.release = .with { ($0.id, $0.snapshot, $0.fingerprint) = ("store", 2, "two") }
    let held = { (id: String, numbers: ClosedRange<UInt64>, fingerprint: String) -> Encoder_ListSnapshotsResponse in
      .with { message in
        message.catalog.id = id
        message.snapshots = numbers.map { number in
          .with { ($0.number, $0.fingerprint, $0.itemCount) = (number, number == 2 ? fingerprint : "one", 10) }
        }
      }
    }
    let encoder = ScriptedTrainings(["space-1"])
    try await ScriptedTrainings.serve([encoder]) { [second] targets in
      try await RetrievalHarness.run(
        directory.path, milvus: nil, encodingServices: EncodingServices(encoders: targets)
      ) { server in
        try await server.publish(Catalog(count: 10))
        try await server.publish(second)
        for (listing, reason, code, words) in [
          (held("store", 1...1, ""), "SNAPSHOT_NOT_FOUND", RPCError.Code.notFound, "does not hold"),
          (held("store", 1...2, "other"), "SNAPSHOT_NOT_FOUND", .notFound, "other items under that number"),
          (held("restored", 1...2, "two"), "CATALOG_MISMATCH", .failedPrecondition, "holds restored"),
        ] {
          encoder.snapshots.withLock { $0 = listing }
          await expectFailure(code, reason, field: "version", mentioning: words, targets[0]) {
            try await server.admin.promoteVersion(.with { $0.version = "default/versions/2" })
          }
          await expectFailure(code, reason, field: "version", mentioning: words) { try await server.start(100) }
        }
        encoder.snapshots.withLock { $0 = held("store", 1...2, "two") }
        _ = try await server.start(100)
        encoder.snapshots.withLock { $0 = held("store", 1...1, "") }
        await expectFailure(.notFound, "SNAPSHOT_NOT_FOUND", field: "index", mentioning: "does not hold") {
          try await server.admin.advanceRollout(.init())
        }
        _ = try await server.admin.pauseRollout(.init())
        await expectFailure(.notFound, "SNAPSHOT_NOT_FOUND", field: "index") {
          try await server.admin.resumeRollout(.init())
        }
        encoder.snapshots.withLock { $0 = held("store", 1...2, "two") }
        let serving = try await server.admin.advanceRollout(.init()).servingState
        #expect(serving.stableVersion == "default/versions/2")
        // The third names no catalog.
        try await server.publish(Catalog(count: 10))
        await expectFailure(
          .failedPrecondition, "CATALOG_MISMATCH", field: "version", mentioning: "does not say which catalog snapshot"
        ) { try await server.admin.promoteVersion(.with { $0.version = "default/versions/3" }) }
        encoder.snapshots.withLock { $0?.migratedSnapshot = 1 }
        _ = try await server.admin.promoteVersion(.with { $0.version = "default/versions/3" })
      }
    }
  }

  @Test
  func `A first version that names no snapshot is refused where encoders have some, and no commit changes answers`()
    async throws
  {
    let encoder = ScriptedTrainings(["space-1"])
    try await ScriptedTrainings.serve([encoder]) { targets in
      let services = EncodingServices(encoders: targets)
      try await RetrievalHarness.run(directory.path, milvus: nil, encodingServices: services) { server in
        try await publishWithoutSnapshot(server, encoder, at: targets[0])
      }
    }
  }

  private func publishWithoutSnapshot(
    _ server: RetrievalHarness, _ encoder: ScriptedTrainings, at target: String
  ) async throws {
    encoder.snapshots.withLock { $0 = .with { $0.snapshots = [.with { ($0.number, $0.itemCount) = (1, 10) }] } }
    await expectFailure(
      .failedPrecondition, "CATALOG_MISMATCH", field: "header.catalog", mentioning: "first version of index 'default'",
      "illmrec index publish", target
    ) { try await server.publish(Catalog(count: 10)) }
    await expectFailure(.notFound, "INDEX_NOT_FOUND") { try await server.admin.listVersions(.init()) }
    // What the store held when it got snapshots stands for versions of before.
    encoder.snapshots.withLock { $0?.migratedSnapshot = 1 }
    let first = try await server.publish(Catalog(count: 10))
    #expect(first.roles == [.stable])
    let second = try await server.publish(Catalog(count: 10))
    #expect(second.roles.isEmpty)
    // One that serves already serves on; nothing comes after it that would depend on commits as well.
    encoder.snapshots.withLock { $0?.migratedSnapshot = 0 }
    await expectFailure(
      .failedPrecondition, "CATALOG_MISMATCH", field: "version", mentioning: "does not say which catalog snapshot"
    ) { try await server.admin.promoteVersion(.with { $0.version = "default/versions/2" }) }
    await expectFailure(.failedPrecondition, "CATALOG_MISMATCH", field: "version") { try await server.start(100) }
    let results = try await server.search(users: ["u"])
    #expect(results[0].items.count == 5)
  }

  @Test
  func `A first version that names no snapshot waits for an encoder that cannot be asked`() async throws {
    let away = EncodingServices(encoders: ["127.0.0.1:1"])
    try await RetrievalHarness.run(directory.path, milvus: nil, encodingServices: away) { server in
      await expectFailure(
        .failedPrecondition, "CATALOG_UNVERIFIED", field: "header.catalog", mentioning: "127.0.0.1:1"
      ) { try await server.publish(Catalog(count: 10)) }
    }
  }

  @Test
  func `A version whose items are not in the snapshot that it names is found out, by name`() async throws {
    var second = Catalog(count: 200)
    second.release = .with { ($0.id, $0.snapshot) = ("store", 2) }
    let encoder = ScriptedTrainings(["space-1"])
    let held = { (count: UInt64) -> Encoder_ListSnapshotsResponse in
      .with {
        $0.catalog.id = "store"
        $0.snapshots = [.with { ($0.number, $0.itemCount) = (2, count) }]
      }
    }
    try await ScriptedTrainings.serve([encoder]) { [second] targets in
      try await RetrievalHarness.run(
        directory.path, milvus: nil, encodingServices: EncodingServices(encoders: targets)
      ) { server in
        try await server.publish(Catalog(count: 10))
        try await server.publish(second)
        encoder.snapshots.withLock { $0 = held(199) }
        await expectFailure(
          .failedPrecondition, "ITEMS_NOT_IN_SNAPSHOT", field: "version", mentioning: "200 items", "has 199", targets[0]
        ) { try await server.start(100) }
        encoder.snapshots.withLock { $0 = held(200) }
        encoder.missing.withLock { $0 = [second.ids[0]] }
        await expectFailure(
          .failedPrecondition, "ITEMS_NOT_IN_SNAPSHOT", field: "version", mentioning: "1 of 64", "'\(second.ids[0])'"
        ) { try await server.start(100) }
        encoder.missing.withLock { $0 = [] }
        #expect(try await server.start(100).rollout.phase == .running)
        let lookups = encoder.lookups.withLock(\.self)
        let asked = try #require(lookups.last)
        #expect(asked.snapshot == 2 && asked.catalogID == "store" && asked.itemIds.count == 64)
        #expect(asked.outputs.isEmpty && Set(asked.itemIds).isSubset(of: second.ids))
      }
    }
  }

  @Test
  func `A version whose training a service lacks is not promoted either, and going back asks nobody`() async throws {
    try await ScriptedTrainings.serve([ScriptedTrainings(["space-1"])]) { targets in
      try await run(EncodingServices(encoders: targets)) { server in
        await expectFailure(.failedPrecondition, "TRAINING_NOT_LOADED", field: "version") {
          try await server.admin.promoteVersion(.with { $0.version = "default/versions/2" })
        }
        _ = try await server.admin.promoteVersion(.with { $0.version = "default/versions/3" })
        _ = try await server.admin.rollbackVersion(.init())
      }
    }
  }

  @Test
  func `A version of the stable one's training asks no LLM service, and a repetition is answered as before`()
    async throws
  {
    try await run(EncodingServices(llms: ["127.0.0.1:1"])) { server in
      let request = Retrieval_StartRolloutRequest.with {
        $0.version = "default/versions/3"
        $0.plan.stages = [.with { $0.canaryPermille = 10 }]
        $0.change.requestID = "once"
      }
      let started = try await server.admin.startRollout(request).servingState
      #expect(try await server.admin.startRollout(request).servingState.generation == started.generation)
      await expectFailure(.failedPrecondition, "ROLLOUT_IN_PROGRESS") { try await server.start(100) }
      await expectFailure(.notFound, "VERSION_NOT_FOUND", field: "version") {
        try await server.admin.startRollout(.with { $0.version = "default/versions/9" })
      }
    }
  }
}
