// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import SwiftProtobuf
import Synchronization
import VectorIndex

/// One version's collection.
final class MilvusCollection: Sendable {
  let collection: VectorCollection
  let connection: MilvusConnection
  /// What is known of the index, once somebody has searched.
  private let index = Mutex<MilvusIndex?>(nil)

  init(_ collection: VectorCollection, _ connection: MilvusConnection) {
    self.collection = collection
    self.connection = connection
  }

  var name: String { collection.name }
  var database: String { connection.settings.database }
  var settings: MilvusSettings { connection.settings }

  /// Rows that can be searched.
  func count(_ consistency: MilvusSettings.Consistency) async throws(VectorIndexError) -> Int {
    let rows = try await query("count the rows of", "", ["count(*)"], consistency)
    return rows.fieldsData.first?.scalars.longData.data.first.map { Int($0) } ?? 0
  }

  /// The index that the collection has, with the search parameters of the settings where these are for its kind: it may have been
  /// made under other settings.
  func indexInUse(_ deadline: ContinuousClock.Instant?) async throws(VectorIndexError) -> MilvusIndex {
    if let known = index.withLock({ $0 }) { return known }
    let type = try await describeIndex(deadline)?.params.first { $0.key == "index_type" }?.value.lowercased() ?? ""
    let kind = MilvusIndex.Kind(rawValue: type) ?? .flat
    let found = kind == settings.index.kind ? settings.index : MilvusIndex(kind)
    index.withLock { $0 = found }
    return found
  }

  /// How the vectors' index is; nil when there is none.
  func describeIndex(
    _ deadline: ContinuousClock.Instant? = nil
  ) async throws(VectorIndexError) -> Milvus_Proto_Milvus_IndexDescription? {
    let response = try await connection.call(
      "describe the index of collection \(name)", deadline: deadline
    ) { client, metadata, options in
      try await client.describeIndex(
        .with {
          $0.dbName = database
          $0.collectionName = name
          $0.fieldName = MilvusBackend.Column.vector
        }, metadata: metadata, options: options)
    }
    return response.indexDescriptions.first { $0.fieldName == MilvusBackend.Column.vector }
  }

  func loadState() async throws(VectorIndexError) -> Milvus_Proto_Common_LoadState {
    try await connection.call("tell whether \(name) is in memory") { client, metadata, options in
      try await client.getLoadState(
        .with {
          $0.dbName = database
          $0.collectionName = name
        }, metadata: metadata, options: options)
    }.state
  }

  /// Asks for the collection to be brought into memory, which may take long after this has returned.
  func beginLoad(deadline: ContinuousClock.Instant? = nil) async throws(VectorIndexError) {
    _ = try await connection.call(
      "load collection \(name)", timeout: .seconds(600), deadline: deadline
    ) { client, metadata, options in
      try await client.loadCollection(
        .with {
          $0.dbName = database
          $0.collectionName = name
          $0.replicaNumber = Int32(settings.replicas)
        }, metadata: metadata, options: options)
    }
  }

  /// Reads columns of the rows that `filter` names.
  func query(
    _ what: String, _ filter: String, _ columns: [String], _ consistency: MilvusSettings.Consistency, limit: Int? = nil,
    deadline: ContinuousClock.Instant? = nil
  ) async throws(VectorIndexError) -> Milvus_Proto_Milvus_QueryResults {
    let request = Milvus_Proto_Milvus_QueryRequest.with {
      $0.dbName = database
      $0.collectionName = name
      $0.expr = filter
      $0.outputFields = columns
      if let limit { $0.queryParams = [.init("limit", "\(limit)")] }
      $0.consistencyLevel = consistency.level
      $0.guaranteeTimestamp = consistency.guaranteeTimestamp
    }
    return try await loading(deadline) { () async throws(VectorIndexError) in
      try await connection.call(
        "\(what) collection \(name)", timeout: settings.searchTimeout, deadline: deadline
      ) { client, metadata, options in
        try await client.query(request, metadata: metadata, options: options)
      }
    }
  }

  /// Reads; where the collection turns out not to be in memory, as after a restart of some servers, has it loaded and reads
  /// again. What could not be loaded in time fails with the first error.
  func loading<Value: Sendable>(
    _ deadline: ContinuousClock.Instant?, _ read: () async throws(VectorIndexError) -> Value
  ) async throws(VectorIndexError) -> Value {
    do throws(VectorIndexError) {
      return try await read()
    } catch {
      guard (error.cause as? MilvusStatus)?.isNotLoaded == true else { throw error }
      try await beginLoad(deadline: deadline)
      let limit = min(deadline ?? .now + settings.searchTimeout, .now + settings.searchTimeout)
      var pause = Pause()
      while try await loadState() != .loaded {
        guard ContinuousClock.now < limit else { throw error }
        try await pause.wait()
      }
      return try await read()
    }
  }
}

extension MilvusCollection: CollectionReader {
  func check() async throws(VectorIndexError) {
    guard try await loadState() == .loaded else {
      try await beginLoad()
      guard try await loadState() == .loaded else {
        throw VectorIndexError(
          .backendUnavailable,
          "\(connection.place) is bringing collection \(name) into memory; it answers once that is done")
      }
      return try await check()
    }
    let count = try await count(settings.consistency)
    guard count == collection.itemCount else {
      throw VectorIndexError(
        .corrupt,
        "collection \(name) of \(connection.place) has \(count) rows, the manifest promises \(collection.itemCount): somebody "
          + "changed it. Roll back to another version, or publish this one again")
    }
  }

  func vectors(
    ofRows rows: [UInt32], deadline: ContinuousClock.Instant?
  ) async throws(VectorIndexError) -> [[Float]] {
    // Answers of at most 8 MiB, and filters of as many numbers.
    let step = max(1, min(RowFilter.maxHits, (8 << 20) / (4 * collection.dim)))
    var vectors: [[Float]] = []
    for first in stride(from: 0, to: rows.count, by: step) {
      let asked = rows[first..<min(first + step, rows.count)]
      let answer = try await query(
        "read rows of", RowFilter.including(Array(asked)), [MilvusBackend.Column.row, MilvusBackend.Column.vector],
        settings.consistency, limit: asked.count, deadline: deadline)
      vectors += try read(answer, asked: asked)
    }
    return vectors
  }

  private func read(
    _ answer: Milvus_Proto_Milvus_QueryResults, asked: ArraySlice<UInt32>
  ) throws(VectorIndexError) -> [[Float]] {
    let dim = collection.dim
    let rows = answer.fieldsData.first { $0.fieldName == MilvusBackend.Column.row }?.scalars.longData.data ?? []
    let values = answer.fieldsData.first { $0.fieldName == MilvusBackend.Column.vector }?.vectors.floatVector.data ?? []
    guard values.count == rows.count * dim else {
      throw VectorIndexError(
        .backendFailed,
        "\(connection.place) answered with \(values.count) values for \(rows.count) vectors of length \(dim)")
    }
    let places = Dictionary(rows.enumerated().map { ($1, $0) }) { first, _ in first }
    var vectors: [[Float]] = []
    for row in asked {
      guard let place = places[Int64(row)] else {
        throw VectorIndexError(
          .corrupt,
          "collection \(name) of \(connection.place) has lost row \(row): roll back, or publish the version again")
      }
      vectors.append(Array(values[place * dim..<(place + 1) * dim]))
    }
    return vectors
  }
}

extension Milvus_Proto_Common_KeyValuePair {
  init(_ key: String, _ value: String) {
    self.init()
    self.key = key
    self.value = value
  }
}

/// Between two looks at something that takes an unknown time: short at first, then longer, at most two seconds.
struct Pause {
  private var next = Duration.milliseconds(20)

  mutating func wait() async throws(VectorIndexError) {
    do {
      try await Task.sleep(for: next)
    } catch {
      throw VectorIndexError(.cancelled, "nobody waits for it any more", cause: error)
    }
    next = min(next * 3 / 2, .seconds(2))
  }
}
