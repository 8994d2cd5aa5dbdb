// SPDX-License-Identifier: Apache-2.0

/// A token that a tokenizer recognises before its pieces, such as `<s>` or `<i_vis>`.
struct AddedToken: Sendable, Equatable {
  let content: String
  let id: Int32
  /// White space before it belongs to it.
  var stripsLeft = false
  /// White space after it belongs to it.
  var stripsRight = false
  /// It is recognised only between spaces.
  var isSingleWord = false
  /// It steers the model instead of standing for text.
  var isSpecial = false
  /// It is recognised in the normalised text, by its normalised content; of `tokenizer.json` alone.
  var isNormalized = false
}

extension [AddedToken] {
  /// Most characters that a token of these or of the pieces stands for; nil where that has no bound: those that take the white space
  /// beside them take as much as there is.
  func longestToken(besidePieces longestPiece: Int?) -> Int? {
    guard let longestPiece, !contains(where: { $0.stripsLeft || $0.stripsRight }) else { return nil }
    return reduce(longestPiece) { Swift.max($0, $1.content.unicodeScalars.count) }
  }
}
