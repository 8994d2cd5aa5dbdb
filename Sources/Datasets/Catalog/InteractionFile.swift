// SPDX-License-Identifier: Apache-2.0

import Basics

/// Reads one user's history out of a table of interactions.
///
/// With a column `timestamp` the history is in its order, without one in the file's.
package enum InteractionFile {
  package static func history(of user: String, in path: String) throws(DatasetError) -> [String] {
    var events: [(time: EventTime, item: String)] = []
    let wanted = Identifier(ItemName.canonical(user))
    try DatasetError.wrapping(path) {
      try InteractionTable(path).read(
        isWanted: { Identifier($0) == wanted }, event: { events.append(($0.time, $0.item)) },
        problem: { throw DatasetError(.malformed, "\(path):\($1): \($0)") })
    }
    guard !events.isEmpty else {
      throw DatasetError(.invalidInput, "\(path): no interaction of user \"\(user)\"; check the column user_id")
    }
    // A stable order: equal times stay as the file has them.
    return events.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(
      \.element.item)
  }
}
