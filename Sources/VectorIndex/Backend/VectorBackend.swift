// SPDX-License-Identifier: Apache-2.0

import Basics

/// A system beside this process that keeps the vectors of versions, for catalogs past one machine.
///
/// The store keeps everything else as it does for versions of its own: item ids, manifest, roles, audit log. A version's
/// vectors are one collection, made for it alone and never changed; a row of it is the row of the item table.
///
/// Its errors name the system and what to do.
package protocol VectorBackend: Sendable {
  /// As messages call it, such as "Milvus at 10.0.0.1:19530".
  var name: String { get }
  /// Lengths of vectors that it takes.
  var dims: ClosedRange<Int> { get }

  /// Makes the collection and fills it. Returns once every row can be searched, was counted, and some were searched for and
  /// found with the scores they should have. A collection of that name is left from an attempt that did not end: it goes.
  func fill(_ collection: VectorCollection, with rows: StagedRows) async throws(VectorIndexError)

  /// A filled collection. Asks nobody: whether it is still there shows when it is used.
  func open(_ collection: VectorCollection) -> any CollectionReader

  /// Deletes a collection with its data; none of that name is no error.
  func drop(_ name: String) async throws(VectorIndexError)

  /// Names of the collections that begin with `prefix`.
  func collections(withPrefix prefix: String) async throws(VectorIndexError) -> [String]
}

/// Reads one version's vectors where a backend keeps them. The Task's cancellation ends what it waits for.
package protocol CollectionReader: Sendable {
  /// Each query's hits, in the queries' order: highest score first, equal scores by row. A query that cannot be answered has
  /// its error instead; what concerns all of them is thrown.
  func search(
    _ queries: [RowQuery], deadline: ContinuousClock.Instant?
  ) async throws(VectorIndexError) -> [Result<[RowHit], VectorIndexError>]

  /// The vectors of `rows`, in their order.
  func vectors(
    ofRows rows: [UInt32], deadline: ContinuousClock.Instant?
  ) async throws(VectorIndexError) -> [[Float]]

  /// Whether all rows are there and can be searched, by count; begins to bring a collection into memory that is not.
  func check() async throws(VectorIndexError)
}

/// A version's collection.
package struct VectorCollection: Sendable, Equatable {
  package let name: String
  /// Of the version, for people who look at the collection.
  package let description: String
  package let itemCount: Int
  package let dim: Int
  /// No vector's L2 norm is larger.
  package let maxNorm: Double
  /// SHA-256 over the vectors, little-endian float32 [items, dim].
  package let sha256: String

  package init(name: String, description: String, itemCount: Int, dim: Int, maxNorm: Double, sha256: String) {
    self.sha256 = sha256
    self.name = name
    self.description = description
    self.itemCount = itemCount
    self.dim = dim
    self.maxNorm = maxNorm
  }
}

/// The vectors of a version on its way to a backend, from the files of its upload.
package final class StagedRows: Sendable {
  package let count: Int
  package let dim: Int
  private let file: MappedFile

  init(file: consuming MappedFile, count: Int, dim: Int) {
    precondition(file.bytes.count == count * dim * MemoryLayout<Float>.size)
    self.count = count
    self.dim = dim
    self.file = file
  }

  /// [rows, dim], row-major.
  package func values(ofRows rows: Range<Int>) -> [Float] {
    let all = file.bytes.assumingMemoryBound(to: Float.self)
    return Array(all[rows.lowerBound * dim..<rows.upperBound * dim])
  }
}
