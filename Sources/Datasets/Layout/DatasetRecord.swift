// SPDX-License-Identifier: Apache-2.0

/// `illmrec_dataset.json`: what the published layout has no place for.
package struct DatasetRecord: Sendable, Equatable {
  /// What the data was prepared from, for people.
  package var source = ""
  /// How it was prepared, in words, in the order of the steps.
  package var steps: [String] = []
  package var seed: UInt64 = 0
  /// Where the split and the negatives come from.
  package var split = ""
  package var negatives = ""
  /// What the source calls the items, by number.
  package var itemIDs: [String] = []

  static let format = 1

  package init() {}

  /// Nil when there is no such file.
  package init?(in layout: DatasetLayout) throws {
    let path = DatasetLayout.stored(layout.record)
    guard TextFile.exists(path) else { return nil }
    var record = DatasetRecord()
    try JSONFile(path, what: "the record of the preparation").read { cursor in
      try cursor.readObject { key, cursor in
        switch key {
        case "format":
          let format = try cursor.readInteger()
          guard format == Self.format else {
            throw cursor.problem("format \(format) is not known here, only \(Self.format); use a newer illmrec")
          }
        case "source": record.source = try cursor.readString()
        case "steps": try cursor.readArray { record.steps.append(try $0.readString()) }
        case "seed": record.seed = UInt64(bitPattern: Int64(try cursor.readInteger()))
        case "split": record.split = try cursor.readString()
        case "negatives": record.negatives = try cursor.readString()
        case "item_ids": try cursor.readArray { record.itemIDs.append(try $0.readString(isExact: true)) }
        default: try cursor.skip()
        }
      }
    }
    self = record
  }

  static func itemIDs(in layout: DatasetLayout) throws -> [String]? { try DatasetRecord(in: layout)?.itemIDs }

  var json: String {
    """
    {
      "format": \(Self.format),
      "source": \(JSONText.string(source)),
      "steps": \(JSONText.strings(steps)),
      "seed": \(Int64(bitPattern: seed)),
      "split": \(JSONText.string(split)),
      "negatives": \(JSONText.string(negatives)),
      "item_ids": \(JSONText.strings(itemIDs))
    }

    """
  }
}
