// SPDX-License-Identifier: Apache-2.0

import Glibc
import Items

/// How images come into a prepared directory.
package enum ImagePlacement: String, Sendable, CaseIterable {
  /// Symbolic links to the files where they lie.
  case link
  /// Copies of their bytes.
  case copy
}

extension Dataset {
  /// Writes the published layout into `directory`, which exists and is the caller's to make appear at its place.
  ///
  /// - Parameter progress: told how many images were placed; what it throws ends the writing.
  package func write(
    to directory: String, record: DatasetRecord = DatasetRecord(), images: ImagePlacement = .link,
    progress: (Int) throws -> Void = { _ in }
  ) throws {
    let layout = DatasetLayout(directory)
    try writeSequences(layout.train, heldOut: 2)
    try writeSequences(layout.validation, heldOut: 1)
    try writeSequences(layout.test, heldOut: 0)
    try writeMetadata(layout.metadata)
    try writeNegatives(layout.negatives)
    try writeSASRec(layout.sasrec)
    try place(images, in: layout, progress)
    var record = record
    record.itemIDs = items.map(\.id)
    var file = try OutputStream(path: layout.record)
    try file.write(record.json)
    try file.close()
  }

  private func writeSequences(_ path: String, heldOut: Int) throws(DatasetError) {
    var file = try OutputStream(path: path)
    try file.write("{")
    for (index, user) in users.enumerated() {
      let items = user.items.dropLast(heldOut).map { "[\($0)]" }.joined(separator: ", ")
      try file.write("\(index > 0 ? "," : "")\n\(JSONText.string(user.id)): [\(items)]")
    }
    try file.write("\n}\n")
    try file.close()
  }

  private func writeMetadata(_ path: String) throws(DatasetError) {
    var file = try OutputStream(path: path)
    try file.write("{")
    for (number, item) in items.enumerated() {
      // The published code reads a missing feature as empty text, never as an empty list.
      let features = item.features.isEmpty ? "\"\"" : JSONText.strings(item.features)
      try file.write(
        """
        \(number > 0 ? "," : "")
        "\(number)": {"title": \(JSONText.string(item.texts.title)), "brand": \(JSONText.string(item.texts.brand)), \
        "category": \(JSONText.string(item.texts.category)), "description": \(JSONText.string(item.texts.description)), \
        "feature": \(features), "imURL": \(JSONText.string(item.imageURL)), "price": \(JSONText.string(item.price))}
        """)
    }
    try file.write("\n}\n")
    try file.close()
  }

  private func writeNegatives(_ path: String) throws(DatasetError) {
    guard users.contains(where: { !$0.negatives.isEmpty }) else { return }
    var file = try OutputStream(path: path)
    for user in users where !user.negatives.isEmpty {
      try file.write(([user.id] + user.negatives.map(String.init)).joined(separator: " ") + "\n")
    }
    try file.close()
  }

  private func writeSASRec(_ path: String) throws(DatasetError) {
    var file = try OutputStream(path: path)
    for user in users {
      for item in user.items { try file.write("\(user.id) \(item + 1)\n") }
    }
    try file.close()
  }

  private func place(_ images: ImagePlacement, in layout: DatasetLayout, _ progress: (Int) throws -> Void) throws {
    guard items.contains(where: { $0.image != nil }) else { return }
    if mkdir(layout.images, 0o755) != 0, errno != EEXIST {
      throw DatasetError.cannotWrite(layout.images, errno: errno)
    }
    for (number, item) in items.enumerated() {
      guard let source = item.image else { continue }
      let target = "\(layout.images)/\(number).jpg"
      unlink(target)
      switch images {
      case .link: try FileCopy.link(source, at: target)
      case .copy: try FileCopy.copy(source, to: target)
      }
      try progress(number + 1)
    }
  }
}
