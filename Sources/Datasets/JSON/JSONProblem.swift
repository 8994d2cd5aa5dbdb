// SPDX-License-Identifier: Apache-2.0

/// Where and how a text breaks JSON's rules, or is not the value that was expected.
struct JSONProblem: Error, Equatable {
  /// In bytes from the beginning of the text.
  let offset: Int
  let message: String
  /// Whether bytes are no UTF-8 text, so that the file as a whole is in another encoding.
  var isEncoding = false
}

extension JSONProblem {
  /// A file in another encoding is refused: its lines that happen to be UTF-8 as well would be all that is read.
  func refuseEncoding(_ place: String) throws(DatasetError) {
    if isEncoding { throw DatasetError(.malformed, "\(place): column \(offset + 1): \(message)") }
  }
}
