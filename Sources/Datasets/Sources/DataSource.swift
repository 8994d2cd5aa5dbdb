// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A directory's data, told by the files that lie in it.
package enum DataSource: Sendable, Equatable {
  /// items.jsonl (.json, .csv, .tsv) and interactions.csv (.tsv); a split where there is one.
  case catalog(items: String, interactions: String, split: String?)
  /// The published code's layout.
  case published(directory: String)
  /// Amazon 2014, 2018 and 2023: metadata and reviews of one category.
  case amazon(metadata: String, reviews: String)
  /// MovieLens: movies.dat and ratings.dat, or both as .csv.
  case movieLens(movies: String, ratings: String)
  /// RecBole's atomic files of one data set: NAME.item and NAME.inter.
  case recBole(items: String, interactions: String)

  /// - Throws: DatasetError when the directory has none of them, or two.
  package init(detecting directory: String, split: String? = nil) throws(DatasetError) {
    let names = try Self.names(in: directory)
    var found: [DataSource] = []
    if Self.table("test_users", ["json"], in: names) != nil, Self.table("meta_info", ["json"], in: names) != nil {
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
    found += Self.movieLens(names).map {
      .movieLens(movies: "\(directory)/\($0.movies)", ratings: "\(directory)/\($0.ratings)")
    }
    found += try Self.recBole(names, in: directory).map {
      .recBole(items: "\(directory)/\($0.items)", interactions: "\(directory)/\($0.interactions)")
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
    case .movieLens(let movies, let ratings): [movies, ratings]
    case .recBole(let items, let interactions): [items, interactions]
    }
  }

  private static func nothing(in directory: String, _ names: Set<String>) -> DatasetError {
    let there = names.sorted().prefix(8).joined(separator: ", ")
    return DatasetError(
      .notFound,
      "\(directory): no data that is known here: items.jsonl with interactions.csv; test_users.json with meta_info.json; "
        + "meta_<Category>.json.gz with <Category>_5.json.gz, or both as .jsonl.gz; movies.dat with ratings.dat; or "
        + "NAME.item with NAME.inter. It has \(there.isEmpty ? "no files" : there)"
        + (names.contains { $0.hasSuffix(".parquet") }
          ? "; docs/data.md has a line that turns Parquet files into these" : "")
    )
  }

  private static func table(_ stem: String, _ extensions: [String], in names: Set<String>) -> String? {
    extensions.flatMap { ["\(stem).\($0)", "\(stem).\($0).gz"] }.first(where: names.contains)
  }

  private static func amazonPairs(_ names: Set<String>) -> [(metadata: String, reviews: String)] {
    names.sorted().compactMap { metadata in
      guard metadata.hasPrefix("meta_"), let dot = metadata.firstIndex(of: "."),
        [".json", ".json.gz", ".jsonl", ".jsonl.gz"].contains(where: metadata.hasSuffix)
      else { return nil }
      let category = metadata[..<dot].dropFirst("meta_".count)
      let endings = ["_5.json.gz", "_5.json", ".json.gz", ".json", ".jsonl.gz", ".jsonl", ".csv.gz", ".csv"]
      // The files of 2014 are called reviews_<Category>_5.json.gz.
      let candidates = endings.flatMap { ["\(category)\($0)", "reviews_\(category)\($0)"] }
      return candidates.first(where: names.contains).map { (metadata, $0) }
    }
  }

  private static func movieLens(_ names: Set<String>) -> [(movies: String, ratings: String)] {
    for ending in ["dat", "csv"] {
      if let movies = table("movies", [ending], in: names), let ratings = table("ratings", [ending], in: names) {
        return [(movies, ratings)]
      }
    }
    return []
  }

  private static func recBole(
    _ names: Set<String>, in directory: String
  ) throws(DatasetError) -> [(items: String, interactions: String)] {
    let sets = Set(
      names.compactMap { name in
        [".inter", ".inter.gz"].first(where: name.hasSuffix).map { String(name.dropLast($0.count)) }
      })
    var found: [(items: String, interactions: String)] = []
    for name in sets.sorted() {
      guard let items = table(name, ["item"], in: names), let interactions = table(name, ["inter"], in: names) else {
        throw DatasetError(
          .notFound,
          "\(directory)/\(name).inter has no \(name).item beside it, which tells the items' titles; without titles and images "
            + "there is nothing to recommend by. Files of a split (NAME.train.inter) are to be joined into one NAME.inter"
        )
      }
      found.append((items, interactions))
    }
    return found
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
