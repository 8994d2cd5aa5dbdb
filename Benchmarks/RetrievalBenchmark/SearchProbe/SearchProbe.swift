// SPDX-License-Identifier: Apache-2.0

import Foundation
import VectorIndex

/// Publishes and searches versions as the retrieval service does, without the RPCs, for `make bench-retrieval`. Not a product.
///
///     SearchProbe DIRECTORY THREADS
///
/// DIRECTORY is a data directory. Reads a `Request` a line from standard input and answers each with one line of JSON.
@main
struct SearchProbe {
  enum Request: Decodable {
    /// Makes float32 vectors [n, dim] a version of their own; row i is item `itemID(i)`.
    /// `graph` is m and ef_construction of a graph for approximate search.
    case publish(index: String, vectors: String, dim: Int, graph: [Int]?)
    /// Searches the newest version of an index for queries [n, dim], `batch` at a time; the items' numbers go to `out` as
    /// UInt32 [n, k]. `ef` asks for approximate search. `excluded` is UInt32 [n, excludedEach], items that each query leaves out.
    case search(
      index: String, queries: String, dim: Int, k: Int, batch: Int, out: String?, excluded: String?, excludedEach: Int?,
      ef: Int?)
  }

  struct Answer: Encodable {
    var seconds: Double
    var residentBytes: Int
    var peakBytes: Int
  }

  let store: VersionStore
  let searcher: Searcher

  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, let threads = Int(arguments[2]) else {
      throw VectorIndexError(.invalidHeader, "usage: SearchProbe DIRECTORY THREADS")
    }
    let probe = SearchProbe(store: try VersionStore(path: arguments[1]), searcher: Searcher(threads: threads))
    while let line = readLine() {
      let duration = try probe.run(JSONDecoder().decode(Request.self, from: Data(line.utf8)))
      let (resident, peak) = try memory()
      let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
      let answer = Answer(seconds: seconds, residentBytes: resident, peakBytes: peak)
      FileHandle.standardOutput.write(try JSONEncoder().encode(answer) + Data("\n".utf8))
    }
  }

  /// Numbers in ascending order are ids in ascending byte order.
  static func itemID(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: 9 - digits.count) + digits
  }

  private func run(_ request: Request) throws -> Duration {
    switch request {
    case .publish(let index, let vectors, let dim, let graph):
      let choice = graph.map { GraphChoice.build(m: $0[0], efConstruction: $0[1]) } ?? .none
      return try publish(index, try Self.read(vectors, as: Float.self), dim: dim, graph: choice)
    case .search(let index, let queries, let dim, let k, let batch, let out, let excluded, let excludedEach, let ef):
      let vectors = try Self.read(queries, as: Float.self)
      let numbers = try excluded.map { try Self.read($0, as: UInt32.self) } ?? []
      let each = excludedEach ?? 0
      let asked = (0..<vectors.count / dim).map { row in
        SearchQuery(
          vector: Array(vectors[row * dim..<(row + 1) * dim]), k: k,
          excludedItems: numbers[row * each..<(row + 1) * each].map { Self.itemID(Int($0)) },
          method: ef.map { .approximate(ef: $0) } ?? .exact)
      }
      return try search(asked, in: index, batch: batch, out: out)
    }
  }

  private func publish(_ index: String, _ values: [Float], dim: Int, graph: GraphChoice) throws -> Duration {
    let rowsAtOnce = 4096
    return try ContinuousClock().measure {
      let upload = try store.beginUpload(
        UploadHeader(index: index, builtBy: BuiltBy(spaceFingerprint: "benchmark"), dim: dim, graph: graph))
      let count = values.count / dim
      for first in stride(from: 0, to: count, by: rowsAtOnce) {
        let rows = first..<min(first + rowsAtOnce, count)
        try upload.append(
          itemIDs: rows.map(Self.itemID), values: Array(values[rows.lowerBound * dim..<rows.upperBound * dim]))
      }
      _ = try store.publish(upload, expectedItems: UInt64(count))
    }
  }

  private func search(_ queries: [SearchQuery], in index: String, batch: Int, out: String?) throws -> Duration {
    let version = try store.resolve(index: index).version
    var found: [[ScoredItem]] = []
    let duration = try ContinuousClock().measure {
      for first in stride(from: 0, to: queries.count, by: batch) {
        let asked = Array(queries[first..<min(first + batch, queries.count)])
        found += try searcher.search(asked, in: version).map { try $0.get() }
      }
    }
    if let out {
      let numbers = found.flatMap { items in items.map { UInt32($0.itemID) ?? .max } }
      try numbers.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: out)) }
    }
    return duration
  }

  private static func read<Element: BitwiseCopyable>(_ path: String, as type: Element.Type) throws -> [Element] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    return data.withUnsafeBytes { Array($0.bindMemory(to: type)) }
  }

  /// Bytes that are resident now, and the most that ever were.
  private static func memory() throws -> (resident: Int, peak: Int) {
    let lines = try String(contentsOfFile: "/proc/self/status", encoding: .utf8).split(separator: "\n")
    func bytes(_ name: String) -> Int {
      let line = lines.first { $0.hasPrefix(name) }
      return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first).flatMap { Int($0) }.map { $0 * 1024 } ?? 0
    }
    return (bytes("VmRSS:"), bytes("VmHWM:"))
  }
}
