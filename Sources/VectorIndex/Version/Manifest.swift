// SPDX-License-Identifier: Apache-2.0

import Digest

/// `manifest.json` of a version's directory: everything needed to open it, and to notice that it is not whole.
struct Manifest: Codable, Sendable {
  /// Written by this release where everything lies in the directory. A reader refuses what it does not know.
  static let currentFormat = 1
  /// The vectors lie in a backend's collection: a release that does not know of it must not take the version for a broken one.
  static let collectionFormat = 2
  /// Items have categories; the vectors may lie in either place.
  static let categoryFormat = 3
  static let fileName = "manifest.json"
  /// A manifest's size is bounded by its labels' (`UploadLimits`).
  static let maxBytes = 1 << 20

  struct File: Codable, Sendable {
    let name: String
    let bytes: UInt64
    let sha256: String
  }

  /// The graph for approximate search: a file beside the data, of which the contents' fingerprint knows nothing.
  struct Graph: Codable, Sendable {
    static let fileName = "graph.hnsw"

    let m: Int
    let efConstruction: Int
    /// What its links are near by; "inner_product".
    let metric: String
    /// What its nodes are, one of ``Codes``.
    let codes: String
    /// Name and version of the library that built it.
    let library: String
    let bytes: UInt64
    let sha256: String

    /// Vectors rounded to 8 bits when the graph was built.
    enum Codes: String {
      /// One node for each item.
      case ofItems = "int8"
      /// One for each distinct vector, where items share some: releases that do not know of it must not read the file.
      case ofDistinct = "int8_distinct"
    }

    enum CodingKeys: String, CodingKey {
      case m
      case efConstruction = "ef_construction"
      case metric
      case codes
      case library
      case bytes
      case sha256
    }

    var info: GraphInfo {
      GraphInfo(
        parameters: HNSWParameters(m: m, efConstruction: efConstruction), library: library, bytes: bytes)
    }
  }

  let format: Int
  let index: String
  let number: UInt64
  /// How scores are computed; "inner_product".
  let metric: String
  let dim: Int
  let itemCount: Int
  /// The longest vector's L2 norm, an upper bound: with a query's norm it bounds every partial sum of a score.
  let maxNorm: Double
  let builtBy: BuiltBy
  let labels: [String: String]
  let requestID: String
  let createdMicros: Int64
  let fingerprint: String
  /// The vectors' file among them also where a collection holds them: its digest says what they must be.
  let files: [File]
  /// The backend's collection that holds the vectors; nil when they lie in the directory.
  var collection: String?
  /// The categories' file; nil when no item has any.
  var categories: File?
  /// The snapshot whose items these are; nil where the publisher told none. A release that does not know of it serves the version
  /// as well.
  var catalog: VersionCatalog?
  /// Nil when searches look at every vector. A release that does not know of it serves the version without.
  var graph: Graph?

  enum CodingKeys: String, CodingKey {
    case format
    case index
    case number
    case metric
    case dim
    case itemCount = "item_count"
    case maxNorm = "max_norm"
    case builtBy = "built_by"
    case labels
    case requestID = "request_id"
    case createdMicros = "create_time_unix_micros"
    case fingerprint
    case files
    case collection
    case categories
    case catalog
    case graph
  }

  /// The oldest format that can say what the manifest says, so that older releases open what they can.
  static func format(hasCollection: Bool, hasCategories: Bool) -> Int {
    if hasCategories { return categoryFormat }
    return hasCollection ? collectionFormat : currentFormat
  }

  var info: VersionInfo {
    VersionInfo(
      name: VersionName(index: index, number: number), itemCount: itemCount, dim: dim, builtBy: builtBy,
      catalog: catalog, fingerprint: fingerprint, createdMicros: createdMicros, labels: labels, requestID: requestID,
      graph: graph?.info)
  }

  /// Where the vectors are, when a backend holds them.
  var vectorCollection: VectorCollection? {
    collection.map {
      VectorCollection(
        name: $0, description: "\(info.name), contents \(fingerprint)", itemCount: itemCount, dim: dim,
        maxNorm: maxNorm,
        sha256: files.first { $0.name == VersionFile.vectors.rawValue }?.sha256 ?? "")
    }
  }

  /// SHA-256 over the dimension and the digests of the data files.
  static func fingerprint(dim: Int, files: [File]) -> String {
    var digest = SHA256()
    digest.update("illmrec index contents 1\ndim \(dim)\n")
    for file in files { digest.update("\(file.name) \(file.bytes) \(file.sha256)\n") }
    return digest.finishHex()
  }
}

/// The data files of a version. Rows are in ascending byte order of their item ids: a row number orders as its id does,
/// and an id is found by binary search.
enum VersionFile: String, CaseIterable, Sendable {
  /// Item ids in UTF-8, one after the other.
  case itemIDs = "ids.utf8"
  /// Little-endian UInt64 [items + 1]: where each id begins in `itemIDs`, and the end of the last.
  case itemOffsets = "ids.offsets.u64"
  /// Little-endian float32 [items, dim], row-major.
  case vectors = "vectors.f32"

  /// Bytes the file has, where counts decide it; nil on overflow.
  func expectedBytes(itemCount: Int, dim: Int) -> UInt64? {
    switch self {
    case .itemIDs: return nil
    case .itemOffsets:
      let (bytes, overflow) = UInt64(itemCount + 1).multipliedReportingOverflow(by: 8)
      return overflow ? nil : bytes
    case .vectors:
      let (values, overflow) = UInt64(itemCount).multipliedReportingOverflow(by: UInt64(dim))
      let (bytes, bytesOverflow) = values.multipliedReportingOverflow(by: 4)
      return overflow || bytesOverflow ? nil : bytes
    }
  }
}
