// SPDX-License-Identifier: Apache-2.0

package import Basics

/// How many answers had an outcome, by its kind. Kinds are told apart by their bytes.
package struct OutcomeCounts: Sendable, Equatable {
  private var counts: [Identifier: UInt64] = [:]

  package init() {}

  /// Kinds that were met.
  package var count: Int { counts.count }

  /// 0 for a kind that was not met.
  package subscript(kind: Identifier) -> UInt64 {
    get { counts[kind] ?? 0 }
    set { counts[kind] = newValue }
  }

  /// The kinds met in any of them, in order.
  package static func kinds(of all: [OutcomeCounts]) -> [Identifier] { Set(all.flatMap(\.counts.keys)).sorted() }
}

extension OutcomeCounts: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (Identifier, UInt64)...) {
    counts = Dictionary(elements, uniquingKeysWith: { first, _ in first })
  }
}

/// An object from kinds to counts; a list of both where two kinds differ in their bytes alone, which JSON's objects do not survive
/// in Foundation.
extension OutcomeCounts: Codable {
  private struct Entry: Codable {
    let kind: String
    let count: UInt64
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let object = try? container.decode([String: UInt64].self) {
      for (kind, count) in object { counts[Identifier(kind)] = count }
    } else {
      for entry in try container.decode([Entry].self) { counts[Identifier(entry.kind)] = entry.count }
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    let object = Dictionary(counts.map { ($0.key.text, $0.value) }, uniquingKeysWith: { first, _ in first })
    if object.count == counts.count {
      try container.encode(object)
    } else {
      try container.encode(counts.sorted { $0.key < $1.key }.map { Entry(kind: $0.key.text, count: $0.value) })
    }
  }
}
