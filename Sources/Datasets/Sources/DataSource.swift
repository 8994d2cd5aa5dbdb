// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A directory's data, told by the files that lie in it.
package enum DataSource: Sendable, Equatable {
  /// items.jsonl (.json, .csv, .tsv) and interactions.csv (.tsv); a split where there is one.
  case catalog(items: String, interactions: String, split: String?)
  /// The published code's layout.
  case published(directory: String)
  /// Amazon 2018: metadata and reviews of one category.
  case amazon(metadata: String, reviews: String)

  /// - Throws: DatasetError when the directory has none of the three, or two of them.
  package init(detecting directory: String, split: String? = nil) throws(DatasetError) {
    let names = try Self.names(in: directory)
    var found: [DataSource] = []
    if names.contains("test_users.json"), names.contains("meta_info.json") {
      found.append(.published(directory: directory))
    }
    if let items = Self.table("items", ["jsonl", "json", "csv", "tsv"], in: names),
      let interactions = Self.table("interactions", ["csv", "tsv"], in: names)
    {
      let own = names.contains("leave_one_out.jsonl") ? directory + "/leave_one_out.jsonl" : nil
      found.append(
        .catalog(
          items: "\(directory)/\(items)", interactions: "\(directory)/\(interactions)", split: split ?? own))
    }
    found += Self.amazonPairs(names).map {
      .amazon(metadata: "\(directory)/\($0.metadata)", reviews: "\(directory)/\($0.reviews)")
    }
    guard let first = found.first else { throw Self.nothing(in: directory, names) }
    guard found.count == 1 else {
      throw DatasetError(
        .invalidInput,
        "\(directory): data of \(found.count) kinds or categories; leave the files of one there (links do)")
    }
    self = first
  }

  /// Files and directories that are read.
  var paths: [String] {
    switch self {
    case .catalog(let items, let interactions, let split): [items, interactions] + (split.map { [$0] } ?? [])
    case .published(let directory): [directory]
    case .amazon(let metadata, let reviews): [metadata, reviews]
    }
  }

  private static func nothing(in directory: String, _ names: Set<String>) -> DatasetError {
    let there = names.sorted().prefix(8).joined(separator: ", ")
    return DatasetError(
      .notFound,
      "\(directory): no data that is known here: items.jsonl with interactions.csv; or test_users.json with "
        + "meta_info.json; or meta_<Category>.json.gz with <Category>_5.json.gz. It has "
        + (there.isEmpty ? "no files" : there))
  }

  private static func table(_ stem: String, _ extensions: [String], in names: Set<String>) -> String? {
    extensions.flatMap { ["\(stem).\($0)", "\(stem).\($0).gz"] }.first(where: names.contains)
  }

  private static func amazonPairs(_ names: Set<String>) -> [(metadata: String, reviews: String)] {
    names.sorted().compactMap { metadata in
      guard metadata.hasPrefix("meta_"), let dot = metadata.firstIndex(of: "."),
        metadata.hasSuffix(".json")
          || metadata.hasSuffix(".json.gz")
      else { return nil }
      let category = metadata[..<dot].dropFirst("meta_".count)
      let reviews = ["_5.json.gz", "_5.json", ".json.gz", ".json"].map { category + $0 }.first(where: names.contains)
      return reviews.map { (metadata, $0) }
    }
  }

  private static func names(in directory: String) throws(DatasetError) -> Set<String> {
    guard let stream = opendir(directory) else {
      throw DatasetError.cannotRead(directory, what: "the directory of the source", errno: errno)
    }
    defer { closedir(stream) }
    var names: Set<String> = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.insert(name) }
    }
    return names
  }
}
