// SPDX-License-Identifier: Apache-2.0

/// The index of a collection, as a person writes it: "flat", "hnsw:M=32,efConstruction=360,ef=128", "ivf_flat:nlist=4096,nprobe=64".
///
/// All three score with float32 inner products of the stored vectors. Indexes that score with codes are left out: the versions of
/// a rollout are compared by their scores.
package struct MilvusIndex: Sendable, Equatable, CustomStringConvertible {
  package enum Kind: String, CaseIterable, Sendable {
    /// Every row is scored.
    case flat
    case hnsw
    case ivfFlat = "ivf_flat"

    /// As Milvus spells it.
    var typeName: String { rawValue.uppercased() }

    /// Parameters of building and of searching, with their defaults.
    fileprivate var defaults: (build: [String: Int], search: [String: Int]) {
      switch self {
      case .flat: ([:], [:])
      case .hnsw: (["M": 32, "efConstruction": 360], ["ef": 128])
      case .ivfFlat: (["nlist": 4096], ["nprobe": 64])
      }
    }
  }

  package let kind: Kind
  private var build: [String: Int]
  private var search: [String: Int]

  package static let flat = MilvusIndex(.flat)

  init(_ kind: Kind) {
    self.kind = kind
    (build, search) = kind.defaults
  }

  /// - Throws: what is wrong with `text`, in words for whoever wrote it.
  package init(parsing text: String) throws(MilvusIndexError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let kind = parts.first.flatMap({ Kind(rawValue: $0.lowercased()) }) else {
      let kinds = Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw MilvusIndexError("'\(text)' begins with no kind of index; there are \(kinds)")
    }
    self.init(kind)
    for assignment in parts.count > 1 ? parts[1].split(separator: ",", omittingEmptySubsequences: false) : [] {
      try take(String(assignment))
    }
  }

  package var description: String {
    let parameters = build.merging(search) { $1 }.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    return parameters.isEmpty ? kind.rawValue : "\(kind.rawValue):\(parameters.joined(separator: ","))"
  }

  /// Of CreateIndex, as JSON.
  var buildParameters: String { Self.json(build) }

  /// Of a search for `topK` hits, as JSON. A graph is never walked with a narrower list than what is asked for.
  func searchParameters(topK: Int) -> String {
    var parameters = search
    if let ef = parameters["ef"] { parameters["ef"] = max(ef, topK) }
    return Self.json(parameters)
  }

  private mutating func take(_ assignment: String) throws(MilvusIndexError) {
    let sides = assignment.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
    guard sides.count == 2, let value = Int(sides[1]), (1...1_000_000).contains(value) else {
      throw MilvusIndexError("'\(assignment)' is not NAME=NUMBER with a number from 1 to 1000000")
    }
    if build[sides[0]] != nil {
      build[sides[0]] = value
    } else if search[sides[0]] != nil {
      search[sides[0]] = value
    } else {
      let names = (build.keys.sorted() + search.keys.sorted()).joined(separator: ", ")
      throw MilvusIndexError(
        "\(kind.rawValue) has no parameter '\(sides[0])'; it has \(names.isEmpty ? "none" : names)")
    }
  }

  private static func json(_ parameters: [String: Int]) -> String {
    "{\(parameters.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", "))}"
  }
}

/// Why a text names no index.
package struct MilvusIndexError: Error, Equatable, Sendable, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}
