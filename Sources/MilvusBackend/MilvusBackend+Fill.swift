// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import SwiftProtobuf
package import VectorIndex

extension MilvusBackend {
  /// Bytes of vectors in one insert; the cluster refuses requests of 64 MiB.
  private static let bytesPerInsert = 8 << 20

  package func fill(_ collection: VectorCollection, with rows: StagedRows) async throws(VectorIndexError) {
    try await drop(collection.name)
    let target = MilvusCollection(collection, connection)
    try await create(target)
    try await insert(rows, into: target)
    let deadline = ContinuousClock.now + connection.settings.publishTimeout
    try await flush(target, by: deadline)
    try await buildIndex(of: target, by: deadline)
    try await load(target, by: deadline)
    let count = try await target.count(.strong)
    guard count == collection.itemCount else {
      throw VectorIndexError(
        .backendFailed,
        "\(name) has \(count) rows in collection \(collection.name) after \(collection.itemCount) were written; nothing was "
          + "published, try again")
    }
    try await SelfQuery(target, rows).run()
  }

  private func create(_ target: MilvusCollection) async throws(VectorIndexError) {
    var row = Milvus_Proto_Schema_FieldSchema()
    row.name = Column.row
    row.isPrimaryKey = true
    row.dataType = .int64
    var vector = Milvus_Proto_Schema_FieldSchema()
    vector.name = Column.vector
    vector.dataType = .floatVector
    vector.typeParams = [.init("dim", "\(target.collection.dim)")]
    let schema = Milvus_Proto_Schema_CollectionSchema.with {
      $0.name = target.name
      $0.description_p = target.collection.description
      $0.fields = [row, vector]
    }
    let bytes: Data
    do {
      bytes = try schema.serializedData()
    } catch {
      throw VectorIndexError(.backendFailed, "the collection's schema cannot be written: \(error)", cause: error)
    }
    _ = try await connection.call("make collection \(target.name)", timeout: .seconds(60)) {
      client, metadata, options in
      try await client.createCollection(
        .with {
          $0.dbName = target.database
          $0.collectionName = target.name
          $0.schema = bytes
          $0.shardsNum = Int32(connection.settings.shards)
          $0.consistencyLevel = connection.settings.consistency.level
        }, metadata: metadata, options: options)
    }
  }

  /// Writes all rows, each insert acknowledged in full before the next. What fails is not sent again: it may have arrived.
  private func insert(_ rows: StagedRows, into target: MilvusCollection) async throws(VectorIndexError) {
    let step = max(1, Self.bytesPerInsert / (4 * rows.dim))
    for first in stride(from: 0, to: rows.count, by: step) {
      let part = first..<min(first + step, rows.count)
      var numbers = Milvus_Proto_Schema_FieldData()
      numbers.type = .int64
      numbers.fieldName = Column.row
      numbers.scalars.longData.data = part.map { Int64($0) }
      var vectors = Milvus_Proto_Schema_FieldData()
      vectors.type = .floatVector
      vectors.fieldName = Column.vector
      vectors.vectors.dim = Int64(rows.dim)
      vectors.vectors.floatVector.data = rows.values(ofRows: part)
      let request = Milvus_Proto_Milvus_InsertRequest.with {
        $0.dbName = target.database
        $0.collectionName = target.name
        $0.fieldsData = [numbers, vectors]
        $0.numRows = UInt32(part.count)
      }
      let result = try await insert(request, into: target)
      guard result.insertCnt == part.count, result.errIndex.isEmpty else {
        throw VectorIndexError(
          .backendFailed,
          "\(name) took \(result.insertCnt) of \(part.count) rows of an insert into \(target.name); nothing was published, try "
            + "again")
      }
    }
  }

  /// A request that was refused for its rate was not carried out: it waits its turn.
  private func insert(
    _ request: Milvus_Proto_Milvus_InsertRequest, into target: MilvusCollection
  ) async throws(VectorIndexError) -> Milvus_Proto_Milvus_MutationResult {
    let deadline = ContinuousClock.now + .seconds(300)
    var pause = Pause()
    while true {
      do throws(VectorIndexError) {
        return try await connection.call(
          "write rows to \(target.name)", timeout: .seconds(120)
        ) { client, metadata, options in
          try await client.insert(request, metadata: metadata, options: options)
        }
      } catch {
        guard (error.cause as? MilvusStatus)?.isRateLimited == true, ContinuousClock.now < deadline else { throw error }
        try await pause.wait()
      }
    }
  }

  /// Seals what was written and waits until it is in storage.
  private func flush(
    _ target: MilvusCollection, by deadline: ContinuousClock.Instant
  ) async throws(VectorIndexError) {
    let flushed = try await connection.call("flush \(target.name)", timeout: .seconds(600)) {
      client, metadata, options in
      try await client.flush(
        .with {
          $0.dbName = target.database
          $0.collectionNames = [target.name]
        }, metadata: metadata, options: options)
    }
    try await wait(for: "the flush of \(target.name)", by: deadline) { () async throws(VectorIndexError) in
      try await connection.call("tell whether \(target.name) is flushed") { client, metadata, options in
        try await client.getFlushState(
          .with {
            $0.dbName = target.database
            $0.collectionName = target.name
            $0.segmentIds = flushed.collSegIds[target.name]?.data ?? []
            $0.flushTs = flushed.collFlushTs[target.name] ?? 0
          }, metadata: metadata, options: options)
      }.flushed
    }
  }

  private func buildIndex(
    of target: MilvusCollection, by deadline: ContinuousClock.Instant
  ) async throws(VectorIndexError) {
    let index = connection.settings.index
    _ = try await connection.call("index \(target.name)", timeout: .seconds(600)) { client, metadata, options in
      try await client.createIndex(
        .with {
          $0.dbName = target.database
          $0.collectionName = target.name
          $0.fieldName = Column.vector
          $0.indexName = Column.vector
          $0.extraParams = [
            .init("index_type", index.kind.typeName), .init("metric_type", "IP"),
            .init("params", index.buildParameters),
          ]
        }, metadata: metadata, options: options)
    }
    try await wait(for: "the index of \(target.name)", by: deadline) { () async throws(VectorIndexError) in
      try await isIndexed(target)
    }
  }

  private func isIndexed(_ target: MilvusCollection) async throws(VectorIndexError) -> Bool {
    guard let index = try await target.describeIndex() else { return false }
    if index.state == .failed {
      throw VectorIndexError(
        .backendFailed,
        "\(name) could not build the index \(connection.settings.index): \(index.indexStateFailReason); nothing was published"
      )
    }
    return index.state == .finished && index.pendingIndexRows == 0 && index.indexedRows >= target.collection.itemCount
  }

  private func load(
    _ target: MilvusCollection, by deadline: ContinuousClock.Instant
  ) async throws(VectorIndexError) {
    try await target.beginLoad()
    try await wait(for: "\(target.name) to be in memory", by: deadline) { () async throws(VectorIndexError) in
      try await target.loadState() == .loaded
    }
  }

  private func wait(
    for what: String, by deadline: ContinuousClock.Instant,
    _ isDone: () async throws(VectorIndexError) -> Bool
  ) async throws(VectorIndexError) {
    var pause = Pause()
    while !(try await isDone()) {
      guard ContinuousClock.now < deadline else {
        throw VectorIndexError(
          .deadlineExceeded,
          "\(name): waited \(connection.settings.publishTimeout) for \(what); nothing was published. Look at the cluster's "
            + "load, or raise --milvus-publish-timeout")
      }
      try await pause.wait()
    }
  }
}
