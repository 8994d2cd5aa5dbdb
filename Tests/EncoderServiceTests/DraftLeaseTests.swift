// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import EncoderService

@Suite("A draft that somebody fills is neither frozen nor mixed", .timeLimit(.minutes(60))) struct DraftLeaseTests {
  /// Runs `body` while a stream is open whose first item is stored.
  private func filling(
    _ client: Client, syncs: Bool, _ body: () async throws -> Void
  ) async throws {
    let (begun, done) = (AsyncStream.makeStream(of: Void.self), AsyncStream.makeStream(of: Void.self))
    async let stream: Void = client.streamEncodeImages { writer in
      try await writer.write(
        .with {
          $0.config.store = true
          $0.config.sync = syncs
          $0.config.actor = "ann@host"
        })
      try await writer.write(.with { $0.item = item("first", [1, 1, 1]) })
      for await _ in done.stream { break }
      try await writer.write(.with { $0.item = item("second", [2, 2, 2]) })
    } onResponse: { response in
      for try await message in response.messages {
        if case .result = message.message { begun.continuation.yield() }
      }
    }
    for await _ in begun.stream { break }
    do {
      try await body()
    } catch {
      done.continuation.yield()
      throw error
    }
    done.continuation.yield()
    try await stream
  }

  private func expectBusy(_ body: () async throws -> Void) async throws {
    let error = try await rpcError(body)
    #expect(error.reason == "DRAFT_BUSY" && error.message.contains("ann@host"), "\(error.message)")
  }

  private func store(_ client: Client, syncs: Bool) async throws {
    try await client.streamEncodeImages { writer in
      try await writer.write(
        .with {
          $0.config.store = true
          $0.config.sync = syncs
        })
      try await writer.write(.with { $0.item = item("other", [3, 3, 3]) })
    } onResponse: { response in
      for try await _ in response.messages {}
    }
  }

  @Test(arguments: [false, true])
  func `Half of what is sent is not committed or discarded, and all of it is`(syncs: Bool) async throws {
    try await withServer { client, _ in
      try await filling(client, syncs: syncs) {
        try await expectBusy { _ = try await client.commitCatalog(.init()) }
        try await expectBusy { _ = try await client.discardDraft(.init()) }
        let forced = try await client.commitCatalog(.with { $0.force = true })
        #expect(forced.snapshot.itemCount == 1)
      }
      #expect(try await client.commitCatalog(.init()).snapshot.itemCount == 2)
    }
  }

  @Test func `Two files are not mixed, and additions go on together`() async throws {
    try await withServer { client, _ in
      try await filling(client, syncs: true) {
        try await expectBusy { try await store(client, syncs: true) }
        try await expectBusy { try await store(client, syncs: false) }
      }
      try await filling(client, syncs: false) {
        try await expectBusy { try await store(client, syncs: true) }
        try await store(client, syncs: false)
        // A small batch is stored as before.
        try await client.storeInDraft([item("single", [4, 4, 4])])
      }
      #expect(try await client.commitCatalog(.init()).snapshot.itemCount == 4)
    }
  }

  @Test func `What somebody makes exactly their file is nobody else's, item by item either`() async throws {
    try await withServer { client, _ in
      try await filling(client, syncs: true) {
        try await expectBusy { try await client.storeInDraft([item("single", [4, 4, 4])]) }
        try await expectBusy { _ = try await client.deleteItems(.with { $0.itemIds = ["first"] }) }
        // Who stores nothing is answered.
        let answer = try await client.encodeImages(
          .with {
            $0.items = [item("single", [4, 4, 4])]
            $0.outputs = [.embedding]
          })
        #expect(answer.results.count == 1 && !answer.results[0].hasError)
      }
      #expect(try await client.commitCatalog(.init()).snapshot.itemCount == 2)
      #expect(try await client.deleteItems(.with { $0.itemIds = ["first"] }).deleted == 1)
    }
  }

  @Test func `Nobody syncs while single items are on their way into the draft`() throws {
    let leases = DraftLeases()
    let single = try leases.changeItems(from: "ipv4:10.0.0.1:4711")
    #expect(throws: ServiceFailure.self) { try leases.fill(.init(actor: "ann", peer: "here", syncs: true)) }
    let other = try leases.changeItems(from: "ipv4:10.0.0.2:4711")
    try leases.fill(.init(actor: "ann", peer: "here", syncs: false)).end()
    single.end()
    other.end()
    let sync = try leases.fill(.init(actor: "ann", peer: "here", syncs: true))
    #expect(throws: ServiceFailure.self) { try leases.changeItems(from: "ipv4:10.0.0.1:4711") }
    sync.end()
    try leases.changeItems(from: "ipv4:10.0.0.1:4711").end()
  }

  @Test func `The draft is free again when whoever filled it has vanished`() async throws {
    try await withNetworkServer(ScriptedModel()) { client, _ in
      let begun = AsyncStream.makeStream(of: Void.self)
      let upload = Task {
        try await client.streamEncodeImages { writer in
          try await writer.write(.with { $0.config.store = true })
          try await writer.write(.with { $0.item = item("first", [1, 1, 1]) })
          try await Task.sleep(for: .seconds(3600))
        } onResponse: { response in
          for try await message in response.messages {
            if case .result = message.message { begun.continuation.yield() }
          }
        }
      }
      for await _ in begun.stream { break }
      upload.cancel()
      _ = await upload.result
      try await waitUntil {
        let error = try await rpcError { _ = try await client.commitCatalog(.init()) }
        return error.reason == "DRAFT_INCOMPLETE"
      }
      #expect(try await client.commitCatalog(.with { $0.force = true }).created)
      // What was taken as it is counts no more.
      #expect(try await client.commitCatalog(.init()).created == false)
    }
  }

  /// A stream whose client gives up after the first item is stored.
  private func breakOff(_ client: NetworkClient, actor: String, syncs: Bool = false) async throws {
    try? await client.streamEncodeImages { writer in
      try await writer.write(
        .with {
          $0.config.store = true
          $0.config.sync = syncs
          $0.config.actor = actor
        })
      try await writer.write(.with { $0.item = item("first-\(actor)", [1, 1, 1]) })
      try await Task.sleep(for: .seconds(3600))
    } onResponse: { response in
      for try await message in response.messages {
        if case .result = message.message { throw CancellationError() }
      }
    }
    try await waitUntil { try await client.listSnapshots(.init()).brokenFills.contains { $0.who.hasPrefix(actor) } }
  }

  private func fill(_ client: NetworkClient, actor: String, syncs: Bool) async throws {
    try await client.streamEncodeImages { writer in
      try await writer.write(
        .with {
          $0.config.store = true
          $0.config.sync = syncs
          $0.config.actor = actor
        })
      try await writer.write(.with { $0.item = item("whole", [5, 5, 5]) })
    } onResponse: { response in
      for try await _ in response.messages {}
    }
  }

  @Test func `A whole file that broke off is made good by a whole file alone, whoever sends another`() async throws {
    try await withNetworkServer(ScriptedModel()) { client, _ in
      try await breakOff(client, actor: "ann", syncs: true)
      try await fill(client, actor: "ann", syncs: false)
      let error = try await rpcError { _ = try await client.commitCatalog(.init()) }
      #expect(error.reason == "DRAFT_INCOMPLETE" && error.message.contains("encode --sync"), "\(error.message)")
      try await fill(client, actor: "ann", syncs: true)
      #expect(try await client.listSnapshots(.init()).brokenFills.isEmpty)
      #expect(try await client.commitCatalog(.init()).snapshot.itemCount == 1)
    }
  }

  @Test func `What broke off is made good by its actor, by a whole file, or by giving the draft up`() async throws {
    try await withNetworkServer(ScriptedModel()) { client, _ in
      func broken() async throws -> [String] {
        try await client.listSnapshots(.init()).brokenFills.map { String($0.who.prefix(3)) }
      }
      try await breakOff(client, actor: "ann")
      try await breakOff(client, actor: "bob")
      let error = try await rpcError { _ = try await client.commitCatalog(.init()) }
      #expect(error.reason == "DRAFT_INCOMPLETE" && error.message.hasPrefix("ann"), "\(error.message)")
      try await fill(client, actor: "ann", syncs: false)
      #expect(try await broken() == ["bob"])
      try await fill(client, actor: "ann", syncs: true)
      #expect(try await broken() == [])
      #expect(try await client.commitCatalog(.init()).snapshot.itemCount == 1)
      try await breakOff(client, actor: "ann")
      _ = try await client.discardDraft(.init())
      #expect(try await broken() == [])
      #expect(try await client.commitCatalog(.init()).created == false)
    }
  }
}
