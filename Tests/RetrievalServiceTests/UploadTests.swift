// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import Glibc
import RetrievalService
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import VectorIndex

@Suite("Versions are uploaded")
struct UploadTests {
  let directory: TemporaryDirectory
  let catalog = Catalog(count: 30)

  init() throws { directory = try TemporaryDirectory() }

  @Test
  func `The first version serves at once, the next one waits; both survive a restart`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      let first = try await server.publish(catalog, index: "items", labels: ["commit": "abc"])
      #expect(first.name == "items/versions/1" && first.itemCount == 30 && first.dim == 4)
      #expect(first.roles == [.stable] && first.labels == ["commit": "abc"] && first.builtBy == catalog.model)
      #expect(first.fingerprint.count == 64)
      #expect(abs(first.createTime.timeIntervalSince1970 - Double(time(nil))) < 60)
      #expect(try await server.publish(Catalog(count: 5), index: "items").roles == [])
    }
    try await RetrievalHarness.run(directory.path) { server in
      let response = try await server.search(Pb.Query([1, 2, 3, 4], k: 3), in: .index("items"))
      #expect(response.results[0].items.map(\.itemID) == catalog.ranking(of: [1, 2, 3, 4], k: 3))
      #expect(try await server.admin.listVersions(.with { $0.index = "items" }).versions.count == 2)
    }
  }

  @Test
  func `A version tells the catalog snapshot whose items it holds, after a restart too`() async throws {
    let told = Common_CatalogRef.with { ($0.id, $0.snapshot, $0.fingerprint) = ("store", 7, "0123") }
    var messages = catalog.upload()
    messages[0].header.catalog = told
    try await RetrievalHarness.run(directory.path) { [messages] server in
      let (first, second) = (try await server.upload(messages), try await server.publish(catalog))
      #expect(first.catalog == told && !second.hasCatalog)
    }
    try await RetrievalHarness.run(directory.path) { server in
      let versions = try await server.admin.listVersions(.init()).versions
      #expect(versions.map(\.hasCatalog) == [false, true] && versions[1].catalog == told)
      #expect(try await server.search(Pb.Query([1, 2, 3, 4], k: 3), in: .index("default")).servedBy.catalog == told)
    }
    // A manifest without it is what earlier releases wrote.
    #expect(!directory.text("indexes/default/versions/2/manifest.json").contains("catalog"))
  }

  @Test
  func `The same request id is the same version, also after a restart`() async throws {
    let first = try await RetrievalHarness.run(directory.path) { try await $0.publish(catalog, requestID: "once") }
    try await RetrievalHarness.run(directory.path) { server in
      let again = try await server.publish(catalog, requestID: "once")
      let another = try await server.publish(catalog, requestID: "twice")
      #expect(again == first && another.name == "default/versions/2")
    }
    #expect(directory.entries("staging").isEmpty)
  }

  @Test
  func `A request id of an upload of other items, or with another header, is refused`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog, requestID: "once", labels: ["commit": "a"])
      for other in [Catalog(count: 29), Catalog(count: 30, prefix: "film"), Catalog(count: 30, training: "space-2")] {
        await expectFailure(.invalidArgument, "REQUEST_ID_REUSED", field: "header.request_id") {
          try await server.publish(other, requestID: "once", labels: ["commit": "a"])
        }
      }
      await expectFailure(.invalidArgument, "REQUEST_ID_REUSED", mentioning: "default/versions/1", "other labels") {
        try await server.publish(catalog, requestID: "once", labels: ["commit": "b"])
      }
      #expect(try await server.admin.listVersions(.init()).versions.count == 1)
    }
    #expect(directory.entries("staging").isEmpty)
  }

  @Test
  func `An actor of the longest allowed name is told whole, with where they called from`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      let name = String(repeating: "a", count: 1024)
      var messages = catalog.upload()
      messages[0].header.actor = name
      _ = try await server.upload(messages)
      let second = try await server.publish(Catalog(count: 5)).name
      _ = try await server.admin.promoteVersion(
        .with {
          $0.version = second
          $0.change.actor = name
        })
      let log = try await server.admin.listAuditEntries(.init()).entries
      for entry in [log[0], log[2]] { #expect(entry.actor.hasPrefix("\(name) (") && entry.actor.hasSuffix(")")) }
    }
  }

  @Test
  func `Bad uploads are refused with the reason, and leave nothing`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      let sound = catalog.upload()
      func expect(
        _ code: RPCError.Code, _ reason: String, _ word: String, at field: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ change: (inout [Pb.UploadRequest]) -> Void
      ) async {
        var messages = sound
        change(&messages)
        await expectFailure(code, reason, field: field, mentioning: word, sourceLocation: sourceLocation) {
          [messages] in
          try await server.upload(messages)
        }
      }
      await expect(.invalidArgument, "UPLOAD_OUT_OF_ORDER", "header", at: "header") { $0 = [] }
      await expect(.invalidArgument, "UPLOAD_OUT_OF_ORDER", "header") { $0.removeFirst() }
      await expect(.invalidArgument, "UPLOAD_OUT_OF_ORDER", "chunk", at: "chunk") { $0[2] = $0[0] }
      await expect(.invalidArgument, "UPLOAD_OUT_OF_ORDER", "follow the commit", at: "commit") { $0.append($0[1]) }
      await expect(.aborted, "UPLOAD_NOT_COMMITTED", "30 items") { $0.removeLast() }
      await expect(.dataLoss, "ITEM_COUNT_MISMATCH", "22 items arrived, the commit says 30", at: "commit.item_count") {
        $0.remove(at: 1)
      }
      await expect(.invalidArgument, "INDEX_NAME_INVALID", "'No'", at: "header.index") { $0[0].header.index = "No" }
      await expect(.invalidArgument, "HEADER_INVALID", "dim", at: "header.dim") { $0[0].header.dim = 0 }
      await expect(
        .invalidArgument, "HEADER_INVALID", "catalog names no snapshot", at: "header.catalog.snapshot"
      ) {
        $0[0].header.catalog.id = "the draft of a store"
      }
      await expect(.invalidArgument, "HEADER_INVALID", "catalog names no snapshot", at: "header.catalog.id") {
        $0[0].header.catalog.snapshot = 7
      }
      await expect(.invalidArgument, "HEADER_INVALID", "at most 1024", at: "header.catalog.fingerprint") {
        $0[0].header.catalog.id = "a store"
        $0[0].header.catalog.snapshot = 7
        $0[0].header.catalog.fingerprint = String(repeating: "f", count: 1025)
      }
      await expect(
        .invalidArgument, "HEADER_INVALID", "space_fingerprint", at: "header.built_by.space_fingerprint"
      ) {
        $0[0].header.builtBy.spaceFingerprint = ""
      }
      await expect(.invalidArgument, "HEADER_INVALID", "at most 1024", at: "header.actor") {
        $0[0].header.actor = String(repeating: "a", count: 1025)
      }
      await expect(.invalidArgument, "HEADER_INVALID", "65 labels", at: "header.labels") {
        $0[0].header.labels = Dictionary(uniqueKeysWithValues: (0..<65).map { ("\($0)", "") })
      }
      await expect(.invalidArgument, "HEADER_INVALID", "'name' has 1025 bytes", at: "header.labels") {
        $0[0].header.labels = ["name": String(repeating: "v", count: 1021)]
      }
      await expect(.invalidArgument, "HEADER_INVALID", "m is 1000", at: "header.graph.m") {
        $0[0].header.graph.build = .always
        $0[0].header.graph.m = 1000
      }
      await expect(.invalidArgument, "HEADER_INVALID", "9", at: "header.graph.build") {
        $0[0].header.graph.build = .UNRECOGNIZED(9)
      }
      await expect(.invalidArgument, "TENSOR_SHAPE", "the chunk after item 0", at: "chunk.vectors") {
        $0[0].header.dim = 5
      }
      await expect(.invalidArgument, "TENSOR_SHAPE", "[7, 4]", at: "chunk.vectors") { $0[1].chunk.itemIds.removeLast() }
      await expect(.invalidArgument, "TENSOR_SIZE", "the chunk after item 8", at: "chunk.vectors") {
        $0[2].chunk.vectors.data.removeLast()
      }
      await expect(.invalidArgument, "CATEGORY_INVALID", "the categories of 1", at: "chunk.categories") {
        $0[1].chunk.categories = [.with { $0.names = ["a"] }]
      }
      await expect(.invalidArgument, "CATEGORY_INVALID", "0 bytes", at: "chunk.categories[2].names[1]") {
        $0[1].chunk.categories = Array(repeating: .with { $0.names = ["a"] }, count: 8)
        $0[1].chunk.categories[2].names = ["a", ""]
      }
      await expect(.invalidArgument, "ITEM_ID_MISSING", "0 bytes", at: "chunk.item_ids[3]") {
        $0[1].chunk.itemIds[3] = ""
      }
      await expect(.invalidArgument, "ITEM_DUPLICATE", "'item-9'") { $0[1].chunk.itemIds[0] = "item-9" }
      await expect(.invalidArgument, "NO_ITEMS", "no items") {
        $0 = [$0[0], .with { $0.commit.itemCount = 0 }]
      }
      await expectFailure(.notFound, "INDEX_NOT_FOUND") { try await server.admin.getServingState(.init()) }
      #expect(directory.entries("staging").isEmpty && directory.entries("indexes").isEmpty)
      let version = try await server.upload(sound)
      #expect(version.name == "default/versions/1")
    }
  }

  @Test
  func `A client that goes away mid-stream leaves nothing, and its slot is free again`() async throws {
    var limits = RetrievalLimits()
    limits.maxUploads = 1
    try await RetrievalHarness.run(directory.path, limits: limits) { server in
      let (staged, isStaged) = AsyncStream.makeStream(of: Void.self)
      let upload = Task {
        _ = try await server.admin.createVersion { writer in
          for message in catalog.upload().dropLast() { try await writer.write(message) }
          isStaged.finish()
          try await Task.sleep(for: .seconds(3600))
        }
      }
      for await _ in staged {}
      try await waitUntil { !directory.entries("staging").isEmpty }
      await expectFailure(.resourceExhausted, "TOO_MANY_UPLOADS", mentioning: "--max-uploads") {
        try await server.publish(catalog)
      }
      upload.cancel()
      _ = await upload.result
      try await waitUntil { directory.entries("staging").isEmpty }
      while true {
        // The slot is given back right after the files are gone.
        if let version = try? await server.publish(catalog) {
          #expect(version.name == "default/versions/1")
          break
        }
      }
    }
  }

  @Test(arguments: [0, 1, 2])
  func `An upload that sends nothing more is ended, and its place is free again`(sent: Int) async throws {
    var limits = RetrievalLimits()
    limits.maxUploads = 1
    limits.uploadIdleSeconds = 0.2
    try await RetrievalHarness.run(directory.path, limits: limits) { server in
      await expectFailure(.aborted, "UPLOAD_IDLE", mentioning: "--upload-idle-timeout") {
        try await server.admin.createVersion { writer in
          for message in catalog.upload().prefix(sent) { try await writer.write(message) }
          try await Task.sleep(for: .seconds(3600))
        }
      }
      try await waitUntil { directory.entries("staging").isEmpty }
      while true {
        // The slot is given back right after the files are gone.
        guard let version = try? await server.publish(catalog) else { continue }
        #expect(version.name == "default/versions/1")
        break
      }
    }
  }

  @Test(arguments: [ENOSPC, EIO])
  func `A full disk refuses the upload and the old version goes on`(errno: Int32) async throws {
    let disk = FullDisk(errno: errno)
    try await RetrievalHarness.run(directory.path, faults: disk) { server in
      try await server.publish(catalog)
      disk.isFull.store(true, ordering: .relaxed)
      let (code, reason): (RPCError.Code, String) =
        errno == ENOSPC ? (.resourceExhausted, "STORAGE_FULL") : (.internalError, "STORAGE_FAILED")
      await expectFailure(code, reason, mentioning: "staging/upload") { try await server.publish(Catalog(count: 50)) }
      let response = try await server.search(Pb.Query([1, 2, 3, 4], k: 3))
      #expect(response.results[0].items.map(\.itemID) == catalog.ranking(of: [1, 2, 3, 4], k: 3))
      #expect(directory.entries("staging").isEmpty)
      disk.isFull.store(false, ordering: .relaxed)
      #expect(try await server.publish(Catalog(count: 50)).itemCount == 50)
    }
  }

  @Test
  func `More items than a version may have are refused`() async throws {
    var limits = RetrievalLimits()
    limits.maxItemsPerVersion = 29
    try await RetrievalHarness.run(directory.path, limits: limits) { server in
      await expectFailure(.invalidArgument, "TOO_MANY_ITEMS", mentioning: "29 items") {
        try await server.publish(catalog)
      }
    }
  }
}

/// A disk whose files cannot be synced while it is full.
final class FullDisk: StorageFaults {
  let isFull = Atomic(false)
  private let errno: Int32

  init(errno: Int32) { self.errno = errno }

  func fault(at step: StorageStep) -> FileFault? {
    isFull.load(ordering: .relaxed) && step == .syncItems ? .failure(errno: errno) : nil
  }
}
