// SPDX-License-Identifier: Apache-2.0

import Foundation
import Items

extension ItemTexts {
  /// The longest that an index takes, in bytes.
  private static let maxCategoryBytes = 256

  /// The categories that the category's text names, separated by "|" as MovieLens writes genres. One that no index would
  /// take is left out: the item is published without it.
  var categories: [String] {
    category.unicodeScalars.split(separator: "|").map { String($0).trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty && $0.utf8.count <= Self.maxCategoryBytes }
  }
}
