// SPDX-License-Identifier: Apache-2.0

import Foundation
import RetrievalService
import ServiceAPI
import SwiftProtobuf
import TestSupport
import Testing

@Suite(
  "A service survives kill -9", .enabled(if: ServiceProcess.isBuilt, "build the product illmrec-retrieval first"),
  .timeLimit(.minutes(60)))
struct KillTests {
  /// `make test-crash` runs more.
  static let rounds = Int(ProcessInfo.processInfo.environment["ILLMREC_KILLS"] ?? "") ?? 8

  /// The moments are random but the same in every run; what the process was doing then is up to the machine.
  @Test
  func `Killed while it publishes and promotes, it starts with the old version or the new one whole`() async throws {
    let directory = try TemporaryDirectory()
    let data = "\(directory.path)/data"
    var served = Catalog(count: 400, dim: 64, prefix: "v0")
    try await ServiceProcess(data: data).withAdmin { try await $0.serve(served, requestID: "0") }
    var moments = SeededGenerator(seed: 7)
    for round in 1...Self.rounds {
      let next = Catalog(count: 400 + 100 * (round % 20) + round, dim: 64, prefix: "v\(round)")
      try await publish(
        next, requestID: "\(round)", in: data, killingAfter: moments.delay(upTo: MilvusServer.isUsed ? 900 : 120))

      let process = try ServiceProcess(data: data)
      served = try await process.withAdmin { [served] remote in
        let stable = try await expectWhole(remote, [served, next])
        #expect(directory.entries("data/staging").isEmpty)
        #expect(directory.entries("data/quarantine").isEmpty)
        if stable == next.ids.count { return next }
        // The same upload again is the version that it may have become before.
        try await remote.serve(next, requestID: "\(round)")
        #expect(try await expectWhole(remote, [next]) == next.ids.count)
        return next
      }
      #expect(directory.entries("data/indexes/default/versions").count == round + 1)
      if let collections = try await MilvusServer.collections(of: directory.text("data/backend/id")) {
        #expect(collections.count == round + 1)
      }
    }
  }

  private func publish(
    _ catalog: Catalog, requestID: String, in data: String, killingAfter delay: Duration
  ) async throws {
    let process = try ServiceProcess(data: data)
    try await process.withAdmin { remote in
      let upload = Task { try await remote.serve(catalog, requestID: requestID) }
      try await Task.sleep(for: delay)
      process.kill()
      _ = await upload.result
    }
  }

  /// Expects the answers of exactly one of the catalogs, and returns how many items it has.
  private func expectWhole(_ remote: RemoteRetrieval, _ catalogs: [Catalog]) async throws -> Int {
    let vector = (0..<64).map { Float($0 % 5) - 2 }
    let response = try await remote.search.search(.with { $0.queries = [Pb.Query(vector, k: 1000)] })
    let found = response.results[0].items.map(\.itemID)
    let prefix = found.first?.prefix { $0 != "-" }
    let catalog = catalogs.first { $0.ids[0].prefix { $0 != "-" } == prefix }
    #expect(found == catalog?.ranking(of: vector, k: 1000))
    let info = try await remote.admin.getVersion(.with { $0.name = response.servedBy.version }).version
    #expect(info.roles == [.stable] && Int(info.itemCount) == catalog?.ids.count)
    return Int(info.itemCount)
  }
}

extension SeededGenerator {
  mutating func delay(upTo milliseconds: Int) -> Duration {
    .milliseconds(Int.random(in: 0..<milliseconds, using: &self))
  }
}
