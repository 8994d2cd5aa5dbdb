// SPDX-License-Identifier: Apache-2.0

import Basics

@testable import Datasets

/// Data sets as others have them.
extension FuzzTarget {
  static let data: [String: FuzzTarget] = [
    "amazon": FuzzTarget(texts: DataSeeds.amazon) { bytes in
      read(bytes, ["reviews.json", "metadata.json"]) { .amazon(metadata: $0[1], reviews: $0[0]) }
    },
    "movielens": FuzzTarget(texts: DataSeeds.movieLens) { bytes in
      let ending = bytes.first == UInt8(ascii: "m") ? "csv" : "dat"
      read(bytes, ["movies.\(ending)", "ratings.\(ending)"]) { .movieLens(movies: $0[0], ratings: $0[1]) }
    },
    "recbole": FuzzTarget(texts: DataSeeds.recBole) { bytes in
      read(bytes, ["a.item", "a.inter"]) { .recBole(items: $0[0], interactions: $0[1]) }
    },
    "catalog": FuzzTarget(texts: DataSeeds.catalog) { bytes in
      let ending = bytes.first == UInt8(ascii: "{") ? "jsonl" : "csv"
      let splits = bytes.count { $0 == FuzzedFile.separator } > 1
      read(bytes, ["items.\(ending)", "interactions.csv", "split.jsonl"]) {
        .catalog(items: $0[0], interactions: $0[1], split: splits ? $0[2] : nil)
      }
    },
    "published": FuzzTarget(texts: DataSeeds.published) { bytes in
      FuzzedFile.with(bytes, as: ["meta_info.json", "test_users.json", "neg_item_set.txt"]) { folder in
        if let dataset = taken({ try Dataset(reading: folder) }) { check(dataset) }
      }
    },
    "delimited_table": FuzzTarget(texts: ["quoted": "a,\"b\"\"c\",d\r\n1,\"2\n3\",\n"]) { bytes in
      guard let table = rows(Array(bytes)) else { return }
      let quote = UInt8(ascii: "\"")
      let written = table.flatMap { row -> [UInt8] in
        let cells = row.map { cell -> [UInt8] in
          let content = cell.utf8.flatMap { $0 == quote ? [quote, quote] : [$0] }
          return [quote] + content + [quote]
        }
        return Array(cells.joined(separator: [UInt8(ascii: ",")])) + [UInt8(ascii: "\n")]
      }
      require(rows(written) == table, "what was written comes back")
    },
    "separated_lines": FuzzTarget(texts: ["lines": "1::Toy Story (1995)::Animation|Comedy\r\n\n2::a:b::\n"]) { bytes in
      checkLines(bytes)
    },
    "json_cursor": FuzzTarget(texts: DataSeeds.json) { JSONChecks.check($0) },
  ]

  private static func read(
    _ bytes: UnsafeRawBufferPointer, _ names: [String], _ source: (_ paths: [String]) -> DataSource
  ) {
    var options = PreparationOptions()
    options.imageCheck = .off
    FuzzedFile.with(bytes, as: names) { folder in
      var reader = SourceReader(options: options) { _, _, _ in }
      let source = source(names.map { "\(folder)/\($0)" })
      if let raw = taken({ try reader.read(source) }) { check(raw) }
    }
  }

  private static func check(_ raw: RawData) {
    require(raw.userIDs.count == raw.sequences.count, "each user has a sequence")
    require(raw.negatives.isEmpty || raw.negatives.count == raw.userIDs.count, "and negatives, where there are some")
    let items = 0..<Int32(raw.items.count)
    require((raw.sequences + raw.negatives).allSatisfy { $0.allSatisfy(items.contains) }, "of the items")
    require(areNames(raw.userIDs) && areNames(raw.items.map(\.id)), "each is called as nobody else")
    require(raw.unknownItems.count <= raw.unknownInteractions, "who is unknown was met")
  }

  private static func areNames(_ ids: [String]) -> Bool {
    !ids.contains("") && Set(ids.map(Identifier.init(_:))).count == ids.count
  }

  private static func check(_ dataset: Dataset) {
    let items = dataset.items.indices
    for user in dataset.users {
      require((user.items + user.negatives).allSatisfy(items.contains), "users meet items that there are")
      require(Set(user.items).isDisjoint(with: user.negatives), "and no negative")
    }
    require(Set(dataset.users.map { Identifier($0.id) }).count == dataset.users.count, "each is called as nobody else")
  }

  /// The header is the first.
  private static func rows(_ bytes: [UInt8]) -> [[String]]? {
    var rows: [[String]] = []
    var isTable = false
    FuzzedFile.with(bytes, named: "t.csv") { folder in
      isTable =
        taken {
          try DelimitedTable(folder + "/t.csv", what: "a table").read {
            rows.append($0)
          } row: {
            rows.append($0.cells)
          }
        } != nil
    }
    return isTable ? rows : nil
  }

  private static func checkLines(_ bytes: UnsafeRawBufferPointer) {
    FuzzedFile.with(bytes, named: "t.dat") { folder in
      var lines: [String] = []
      let read: Void? = taken {
        try SeparatedLines(folder + "/t.dat", what: "lines", separator: "::").forEach { fields, _ in
          lines.append(fields.joined(separator: "::"))
        }
      }
      guard read != nil else { return }
      let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
      let text = bytes.starts(with: mark) ? bytes[mark.count...] : bytes[...]
      let expected = text.split(separator: 0x0A, omittingEmptySubsequences: false)
        .map { $0.last == 0x0D ? $0.dropLast() : $0 }.filter { !$0.isEmpty }
      require(
        lines.count == expected.count && zip(lines, expected).allSatisfy { $0.utf8.elementsEqual($1) },
        "the fields of a line are all of it")
    }
  }
}
