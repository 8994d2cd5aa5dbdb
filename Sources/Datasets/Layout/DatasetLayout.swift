// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// The names within a dataset's directory: the published code's layout, and one file of our own.
package struct DatasetLayout: Sendable {
  package let directory: String

  package init(_ directory: String) { self.directory = directory }

  /// {user: [[item, …], …]}: whole sequences.
  var test: String { directory + "/test_users.json" }
  /// The same without the last interaction.
  var validation: String { directory + "/eval_users.json" }
  /// The same without the last two.
  var train: String { directory + "/train_users.json" }
  /// {item: {title, brand, category, description, feature, imURL, price}}.
  var metadata: String { directory + "/meta_info.json" }
  /// A line for each user: the user, then items.
  var negatives: String { directory + "/neg_item_set.txt" }
  /// A line for each interaction: the user, then the item's number plus one.
  var sasrec: String { directory + "/data4sasrec.txt" }
  /// `<item>.jpg`, whatever the format of the bytes.
  package var images: String { directory + "/image" }
  /// What the published layout has no place for: the source's item ids, and how the data was prepared.
  package var record: String { directory + "/illmrec_dataset.json" }

  /// All of the layout but images, whether they are there or not.
  package var files: [String] {
    let plain = [test, validation, train, metadata, negatives, sasrec, record]
    return plain + plain.map { $0 + ".gz" }
  }

  /// Where a file of the layout is read: what others have packed has `.gz` behind its name.
  static func stored(_ path: String) -> String {
    !TextFile.exists(path) && TextFile.exists(path + ".gz") ? path + ".gz" : path
  }

  /// Names of the images' files by item number.
  func imageNames() throws(DatasetError) -> [Int: String] { try Self.imageNames(in: images) }

  /// Of each number the first of its names in the order of ``ImageNames``. One listing: a stat an item takes minutes on a
  /// network disk. Only where a link leads is looked at.
  ///
  /// - Throws: when links lead nowhere: what they showed is not there any more, which is not the same as to have no image.
  static func imageNames(in images: String) throws(DatasetError) -> [Int: String] {
    guard let stream = opendir(images) else {
      if errno == ENOENT { return [:] }
      throw DatasetError.cannotRead(images, what: "the image directory", errno: errno)
    }
    defer { closedir(stream) }
    var names: [Int: (rank: ImageNames.Rank, name: String)] = [:]
    var links: Set<String> = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      // "007" and "+7" are no numbers of items, though they can be read as 7.
      guard parts.count == 2, let item = Int(parts[0]), item >= 0, String(item) == parts[0],
        let rank = ImageNames.Rank(suffix: parts[1], name: name)
      else { continue }
      if let known = names[item], known.rank < rank { continue }
      names[item] = (rank, name)
      // Some file systems do not tell.
      let kind = Int(entry.pointee.d_type)
      if kind == Int(DT_LNK) || kind == Int(DT_UNKNOWN) { links.insert(name) }
    }
    let chosen = names.mapValues(\.name)
    try requireTargets(of: links.intersection(chosen.values), in: images)
    return chosen
  }

  private static func requireTargets(of links: Set<String>, in images: String) throws(DatasetError) {
    let broken = links.filter { access("\(images)/\($0)", F_OK) != 0 && [ENOENT, ENOTDIR, ELOOP].contains(errno) }
    guard let first = broken.min() else { return }
    let path = "\(images)/\(first)"
    let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? "another file"
    throw DatasetError(
      .notFound,
      "\(path) is a link to \(target), where nothing is\(broken.count == 1 ? "" : "; \(broken.count) images are such links"). "
        + "Bring the images back to where they were, or prepare the data again: with --copy-images it needs them no longer"
    )
  }
}
