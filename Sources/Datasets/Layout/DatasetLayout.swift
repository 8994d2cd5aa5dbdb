// SPDX-License-Identifier: Apache-2.0

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

  /// Paths of the images by item number. One listing: a stat an item takes minutes on a network disk.
  func imagePaths() throws(DatasetError) -> [Int: String] {
    guard let stream = opendir(images) else {
      if errno == ENOENT { return [:] }
      throw DatasetError.cannotRead(images, what: "the image directory", errno: errno)
    }
    defer { closedir(stream) }
    var paths: [Int: String] = [:]
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let stem = name.split(separator: ".", maxSplits: 1).first, let item = Int(stem), item >= 0 else { continue }
      paths[item] = images + "/" + name
    }
    return paths
  }
}
