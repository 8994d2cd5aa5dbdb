// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

extension EncodingServices {
  /// Every encoder must hold the snapshot whose items the version holds: histories and titles are read from it, and after an older
  /// item store was restored it may be missing, or be another one under the same number.
  ///
  /// - Parameters:
  ///   - items: of the version, all of which the snapshot must hold.
  /// - Throws: SNAPSHOT_NOT_FOUND, CATALOG_MISMATCH, ITEMS_NOT_IN_SNAPSHOT, or CATALOG_UNVERIFIED where an encoder cannot be asked.
  func require(_ catalog: VersionCatalog, holding items: ItemSample, of version: VersionName) async throws {
    for target in encoders {
      guard let held = try await listing(at: target, for: "\(version)", field: "version") else { continue }
      let snapshot = try Self.check(catalog, of: version, in: held, at: target)
      try await check(items, of: version, in: snapshot, of: held.catalog.id, at: target)
    }
  }

  /// Refuses a version that names no catalog snapshot, before it answers anybody, where an encoder has snapshots. It stands for what an
  /// encoder's store held when it got them; where that is nothing, its users would be answered from whatever is committed next.
  ///
  /// - Parameters:
  ///   - version: its name, or what stands for it before it has one.
  ///   - field: of the request, that is at fault.
  /// - Throws: CATALOG_MISMATCH, or CATALOG_UNVERIFIED where an encoder cannot be asked.
  func requireNamedCatalog(of version: String, field: String) async throws {
    for target in encoders {
      guard let held = try await listing(at: target, for: version, field: field), held.migratedSnapshot == 0,
        !held.snapshots.isEmpty
      else { continue }
      throw ServiceFailure(
        .catalogMismatch,
        "\(version) does not say which catalog snapshot it was built from, and the encoder at \(target) had snapshots from the start: "
          + "what is committed next would answer its users. Publish it by illmrec index publish, or with catalog in the header",
        field: field)
    }
  }

  /// Nil of an encoder of before snapshots.
  private func listing(
    at target: String, for version: String, field: String
  ) async throws -> Encoder_ListSnapshotsResponse? {
    try await asking(target, "holds the catalog snapshot", of: version, field: field) { client, calls in
      do {
        return try await client.listSnapshots(.init(), options: calls)
      } catch let error as RPCError where error.code == .unimplemented {
        return nil
      }
    }
  }

  /// Who publishes by a program of their own may name another snapshot than the vectors are of: its users would get items without a
  /// title, and soft tokens of other items.
  private func check(
    _ items: ItemSample, of version: VersionName, in snapshot: Encoder_Snapshot, of catalog: String, at target: String
  ) async throws {
    guard items.itemCount <= Int(clamping: snapshot.itemCount) else {
      throw Self.notHeld(
        "\(items.itemCount) items, and snapshot \(snapshot.number) of the catalog has \(snapshot.itemCount)",
        of: version,
        at: target)
    }
    let request = Encoder_LookupItemsRequest.with {
      $0.itemIds = items.ids
      $0.snapshot = snapshot.number
      $0.catalogID = catalog
    }
    let found = try await asking(target, "holds the items", of: "\(version)", field: "version") { client, calls in
      try await client.lookupItems(request, options: calls).items
    }
    let missing = zip(items.ids, found).filter { $0.1.result.hasError }.map(\.0)
    guard let first = missing.first else { return }
    throw Self.notHeld(
      "items that snapshot \(snapshot.number) of the catalog does not: \(missing.count) of \(items.ids.count) that were looked up, such as "
        + "'\(first)'", of: version, at: target)
  }

  private static func notHeld(_ what: String, of version: VersionName, at target: String) -> ServiceFailure {
    ServiceFailure(
      .itemsNotInSnapshot,
      "\(version) holds \(what), as the encoder at \(target) says. Publish it by illmrec index publish, or name the snapshot that its "
        + "vectors were made from in the header's catalog", field: "version")
  }

  private func asking<Answer: Sendable>(
    _ target: String, _ what: String, of version: String, field: String,
    _ body: @Sendable (Encoder_EncoderService.Client<CGrpcClientTransport>, CallOptions) async throws -> Answer
  ) async throws -> Answer {
    var calls = CallOptions.defaults
    calls.timeout = timeout
    do {
      return try await withClient(target: target, options: options) { [calls] client in
        try await body(Encoder_EncoderService.Client(wrapping: client), calls)
      }
    } catch {
      throw ServiceFailure(
        .catalogUnverified,
        "the encoder at \(target) cannot be asked whether it \(what) of \(version): "
          + "\((error as? RPCError)?.summary ?? "\(error)"). Start it, or start this service without it in --encoder",
        field: field)
    }
  }

  /// The snapshot that the version names.
  private static func check(
    _ catalog: VersionCatalog, of version: VersionName, in held: Encoder_ListSnapshotsResponse, at target: String
  ) throws(ServiceFailure) -> Encoder_Snapshot {
    guard held.catalog.id == catalog.id else {
      throw ServiceFailure(
        .catalogMismatch,
        "\(version) was built from the catalog \(catalog.id), and the encoder at \(target) holds \(held.catalog.id): its users would get "
          + "no items. Start the encoder with that store, or publish a snapshot of its own", field: "version")
    }
    let snapshot = held.snapshots.first { $0.number == catalog.snapshot }
    let isOther = snapshot.map { !catalog.fingerprint.isEmpty && $0.fingerprint != catalog.fingerprint } ?? false
    if let snapshot, !isOther { return snapshot }
    throw ServiceFailure(
      .snapshotNotFound,
      "\(version) was built from snapshot \(catalog.snapshot) of the catalog, "
        + (isOther
          ? "and the encoder at \(target) holds other items under that number"
          : "which the encoder at \(target) does not hold")
        + ": its users' histories could not be read. Restore the item store that has it, or publish a version of a snapshot that "
        + "`illmrec catalog list` shows", field: "version")
  }
}
