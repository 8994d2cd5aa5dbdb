// SPDX-License-Identifier: Apache-2.0

/// The images of Amazon's metadata of 2023: a list of objects with a URL for each size, or, in files that went through tables, an
/// object with a list for each size.
enum AmazonImages {
  /// The best first.
  private static let sizes = ["hi_res", "large", "thumb"]

  /// The best URL of each image that has one. A list of plain texts, as other catalogs have it, is taken as it is.
  static func urls(_ cursor: inout JSONCursor) throws -> [String] {
    switch try cursor.kind() {
    case .array:
      var urls: [String] = []
      try cursor.readArray { cursor in
        if try cursor.kind() == .object {
          urls += [best(try lists(&cursor).mapValues(\.first))].compactMap(\.self)
        } else {
          urls += try cursor.readTexts()
        }
      }
      return urls
    case .object:
      let lists = try lists(&cursor)
      let count = lists.values.map(\.count).max() ?? 0
      return (0..<count).compactMap { place in
        best(lists.mapValues { $0.indices.contains(place) ? $0[place] : nil })
      }
    case .string, .number, .literal: return try cursor.readTexts()
    }
  }

  private static func best(_ urls: [String: String?]) -> String? {
    sizes.lazy.compactMap { urls[$0].flatMap(\.self) }.first { !$0.isEmpty }
  }

  /// With an empty text for a size that an image lacks, so that places stay.
  private static func lists(_ cursor: inout JSONCursor) throws -> [String: [String]] {
    var lists: [String: [String]] = [:]
    try cursor.readObject { name, cursor in
      guard sizes.contains(name) else { return try cursor.skip() }
      guard try cursor.kind() == .array else { return lists[name] = try cursor.readTexts() }
      var texts: [String] = []
      try cursor.readArray { cursor in texts.append(try cursor.readTexts().first ?? "") }
      lists[name] = texts
    }
    return lists
  }
}
