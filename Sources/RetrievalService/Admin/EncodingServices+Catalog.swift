// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

extension EncodingServices {
  /// Every encoder must hold the snapshot whose items the version holds: histories and titles are read from it, and after an older
  /// item store was restored it may be missing, or be another one under the same number.
  ///
  /// - Parameter catalog: nil where the version names none. It stands for what the store held when it got snapshots; where that is
  ///   nothing, its users would be answered from whatever is committed next.
  /// - Throws: SNAPSHOT_NOT_FOUND, CATALOG_MISMATCH, or CATALOG_UNVERIFIED where an encoder cannot be asked.
  func require(_ catalog: VersionCatalog?, of version: VersionName) async throws {
    for target in encoders {
      guard let held = try await listing(at: target, for: version) else { continue }
      if let catalog {
        try Self.check(catalog, of: version, in: held, at: target)
      } else if held.migratedSnapshot == 0, !held.snapshots.isEmpty {
        throw ServiceFailure(
          .catalogMismatch,
          "\(version) does not say which catalog snapshot it was built from, and the encoder at \(target) had snapshots from the start: "
            + "what is committed next would answer its users. Publish it by illmrec index publish, or with catalog in the header",
          field: "version")
      }
    }
  }

  /// Nil of an encoder of before snapshots.
  private func listing(
    at target: String, for version: VersionName
  ) async throws -> Encoder_ListSnapshotsResponse? {
    var calls = CallOptions.defaults
    calls.timeout = timeout
    do {
      return try await withClient(target: target, options: options) { [calls] client in
        try await Encoder_EncoderService.Client(wrapping: client).listSnapshots(.init(), options: calls)
      }
    } catch let error as RPCError where error.code == .unimplemented {
      return nil
    } catch {
      throw ServiceFailure(
        .catalogUnverified,
        "the encoder at \(target) cannot be asked whether it holds the catalog snapshot of \(version): "
          + "\((error as? RPCError)?.summary ?? "\(error)"). Start it, or start this service without it in --encoder",
        field: "version")
    }
  }

  private static func check(
    _ catalog: VersionCatalog, of version: VersionName, in held: Encoder_ListSnapshotsResponse, at target: String
  ) throws(ServiceFailure) {
    guard held.catalog.id == catalog.id else {
      throw ServiceFailure(
        .catalogMismatch,
        "\(version) was built from the catalog \(catalog.id), and the encoder at \(target) holds \(held.catalog.id): its users would get "
          + "no items. Start the encoder with that store, or publish a snapshot of its own", field: "version")
    }
    let snapshot = held.snapshots.first { $0.number == catalog.snapshot }
    let isOther = snapshot.map { !catalog.fingerprint.isEmpty && $0.fingerprint != catalog.fingerprint } ?? false
    guard snapshot == nil || isOther else { return }
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
