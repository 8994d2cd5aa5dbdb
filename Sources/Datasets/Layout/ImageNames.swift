// SPDX-License-Identifier: Apache-2.0

/// The names that an image's file may have, in the order in which they are looked for.
///
/// First the name as it stands in the published layout or in the catalog; then the other extensions, each in lower case before
/// any other; then names with the query string of the URL that they were downloaded from. Nothing else is an item's image: of
/// `7.jpg.part` or `7_old.jpg` nobody knows what it shows.
enum ImageNames {
  /// In this order. Those from `gif` on are no images that are decoded; a message names them for what they are.
  static let extensions = [
    "jpg", "jpeg", "png", "webp", "jpe", "jfif", "gif", "bmp", "tif", "tiff", "avif", "heic", "heif",
  ]

  /// Where a name comes among the names of one image: the smallest is taken.
  struct Rank: Comparable {
    private let hasQuery: Bool
    private let place: Int
    private let isOtherCase: Bool
    private let name: String

    /// - Parameters:
    ///   - suffix: what follows the stem and the dot: `jpg`, `JPG?v=3`.
    /// - Returns: nil for what is no image's name.
    init?(suffix: Substring, name: String) {
      let parts = suffix.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
      guard let place = ImageNames.extensions.firstIndex(of: parts[0].lowercased()) else { return nil }
      self.place = place
      hasQuery = parts.count > 1
      isOtherCase = parts[0] != parts[0].lowercased()
      self.name = name
    }

    static func < (left: Rank, right: Rank) -> Bool {
      (left.hasQuery ? 1 : 0, left.place, left.isOtherCase ? 1 : 0, left.name)
        < (right.hasQuery ? 1 : 0, right.place, right.isOtherCase ? 1 : 0, right.name)
    }
  }

  /// The names of an image whose stem is known.
  static func candidates(stem: String) -> [String] {
    extensions.flatMap { ["\(stem).\($0)", "\(stem).\($0.uppercased())"] }
  }

  /// A path as it stands; without the query string or fragment of a URL; and with its extension in the other case.
  static func spellings(of path: String) -> [String] {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let end = path[slash...].firstIndex { $0 == "?" || $0 == "#" } ?? path.endIndex
    let plain = String(path[..<end])
    var result = plain == path || end == slash ? [path] : [path, plain]
    guard let dot = plain[slash...].lastIndex(of: ".") else { return result }
    let (stem, suffix) = (plain[...dot], plain[plain.index(after: dot)...])
    for other in [suffix.lowercased(), suffix.uppercased()] where other != suffix { result.append(stem + other) }
    return result
  }
}
