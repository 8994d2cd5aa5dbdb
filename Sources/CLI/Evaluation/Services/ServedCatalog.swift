// SPDX-License-Identifier: Apache-2.0

import Datasets
import GRPCCore
import Items
import Recommender
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// Which of a dataset's items the running services hold.
struct ServedCatalog: Sendable {
  /// The services' name of each item of the dataset.
  let ids: [String]
  /// Whether an item has an image for the LLM to read.
  let isShown: [Bool]
  /// Items that the index does not hold.
  let missing: Int
  /// Items that the services call otherwise than the dataset does.
  let otherTitles: Int

  /// Most items of a request.
  private static let portion = 1000

  /// Asks for every item of the dataset.
  ///
  /// - Parameters:
  ///   - directory: of the dataset.
  ///   - leavesOutMissing: whether items with an image may be missing. Those without one always may.
  /// - Throws: CLIError that says how to bring the missing items in.
  init(
    of dataset: Dataset, in directory: String, naming: ItemNaming, leavesOutMissing: Bool, targets: ServiceClients,
    version: String, catalog: Common_CatalogRef
  ) async throws {
    let ids = dataset.items.indices.map { naming == .source ? dataset.items[$0].id : "\($0)" }
    let stored = try await Self.stored(ids, targets, catalog)
    let encoder = "the encoder at \(targets.encoderTarget)"
    let unstored = ids.indices.filter { stored[$0] == nil && dataset.items[$0].image != nil }
    guard unstored.isEmpty || leavesOutMissing else {
      throw CLIError(
        .service,
        Self.lack(
          catalog.snapshot == 0 ? encoder : "snapshot \(catalog.snapshot) of \(encoder)", unstored.map { ids[$0] },
          of: ids.count)
          + "; \(Self.remedy(dataset, directory, naming))")
    }
    let indexed = try await Self.indexed(ids, targets, version: version)
    let unindexed = ids.indices.filter { stored[$0] != nil && !indexed[$0] }
    guard unindexed.isEmpty || leavesOutMissing else {
      throw CLIError(
        .service,
        Self.lack("\(version) at \(targets.retrievalTarget)", unindexed.map { ids[$0] }, of: ids.count)
          + "; illmrec index publish --promote makes a version of all that the encoder holds, --leave-out-missing goes on "
          + "without them")
    }
    guard indexed.contains(true) else {
      throw CLIError(.service, "\(version) at \(targets.retrievalTarget) holds none of the data's items")
    }
    let otherTitles = zip(stored, dataset.items).count { stored, item in
      stored.map { $0.metadata.title != item.texts.title } ?? false
    }
    guard otherTitles * 2 <= stored.count(where: { $0 != nil }) else {
      throw CLIError(
        .service,
        "\(otherTitles.grouped) of the data's \(ids.count.counted("item")) have another title in the encoder at "
          + "\(targets.encoderTarget): it calls other items by the same names; --item-ids source or numbers says whose "
          + "names to use, here it was \(naming.rawValue)")
    }
    self.ids = ids
    self.otherTitles = otherTitles
    isShown = stored.map { $0?.result.hasSoftToken ?? false }
    missing = indexed.count { !$0 }
  }

  /// Each item as the encoder's snapshot holds it; nil for one that it does not.
  private static func stored(
    _ ids: [String], _ targets: ServiceClients, _ catalog: Common_CatalogRef
  ) async throws -> [Encoder_StoredItem?] {
    let limits = try await targets.call("encoder", at: targets.encoderTarget) {
      try await targets.encoder.getServerInfo(.init(), metadata: [:], options: .defaults).limits
    }
    var stored: [Encoder_StoredItem?] = []
    for portion in ids.portions(maxCount: min(Self.portion, max(Int(limits.maxItemsPerRequest), 1))) {
      let items = try await targets.call("encoder", at: targets.encoderTarget) {
        try await targets.encoder.lookupItems(
          .with {
            $0.itemIds = Array(portion)
            $0.outputs = [.softToken]
            $0.snapshot = catalog.snapshot
            $0.catalogID = catalog.id
          }, metadata: [:], options: .defaults
        ).items
      }
      stored += items.map { item in
        guard !item.result.hasError else { return nil }
        // What is needed of it is whether it is there.
        var item = item
        if item.result.hasSoftToken { item.result.softToken = .init() }
        return item
      }
    }
    return stored
  }

  private static func indexed(_ ids: [String], _ targets: ServiceClients, version: String) async throws -> [Bool] {
    let limits = try await targets.call("retrieval service", at: targets.retrievalTarget) {
      try await targets.retrieval.getServerInfo(.init(), metadata: [:], options: .defaults).limits
    }
    var indexed: [Bool] = []
    for portion in ids.portions(maxCount: min(Self.portion, max(Int(limits.maxItemsPerRequest), 1))) {
      indexed += try await targets.call("retrieval service", at: targets.retrievalTarget) {
        try await targets.retrieval.getItems(
          .with {
            $0.target.version = version
            $0.itemIds = Array(portion)
          }, metadata: [:], options: .defaults
        ).items.map(\.found)
      }
    }
    return indexed
  }

  // MARK: What is missing

  /// "the encoder at … lacks 12 of the data's 3,587 items, \"17\" among them"
  private static func lack(_ who: String, _ missing: [String], of count: Int) -> String {
    "\(who) lacks \(missing.count.grouped) of the data's \(count.counted("item")), \"\(missing.first ?? "")\" among them"
  }

  private static func remedy(_ dataset: Dataset, _ directory: String, _ naming: ItemNaming) -> String {
    let hasNumbers = dataset.items.indices.allSatisfy { dataset.items[$0].id == "\($0)" }
    let encode = "illmrec catalog encode --items \(directory)/meta_info.json --images \(directory)/image"
    let rest = "then illmrec index publish --promote; --leave-out-missing goes on without them"
    if naming == .source && !hasNumbers {
      return
        "encode the catalog that the data was prepared from, or call the items by their numbers (\(encode), and here "
        + "--item-ids numbers), \(rest)"
    }
    return "bring them in: \(encode), \(rest)"
  }
}
