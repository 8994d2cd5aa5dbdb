// SPDX-License-Identifier: Apache-2.0

/// What somebody who mistyped a name may have meant.
package enum NearestName {
  /// Nil where none is near.
  package static func of(_ name: String, in names: [String]) -> String? {
    let near = names.map { (name: $0, distance: distance($0, name)) }.filter { $0.distance * 3 <= name.count }
    return near.min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
  }

  /// Letters to insert, remove or replace (Levenshtein).
  static func distance(_ a: String, _ b: String) -> Int {
    let b = Array(b)
    var row = Array(0...b.count)
    for (position, letter) in a.enumerated() {
      var diagonal = row[0]
      row[0] = position + 1
      for column in b.indices {
        let replaced = diagonal + (letter == b[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
      }
    }
    return row[b.count]
  }
}
