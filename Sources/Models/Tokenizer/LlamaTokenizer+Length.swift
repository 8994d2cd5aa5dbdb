// SPDX-License-Identifier: Apache-2.0

extension LlamaTokenizer {
  /// Tokens that a text of data has at least, by its length alone: none of them stands for more characters than the longest piece. 0
  /// where the model says nothing of that kind. Far cheaper than the tokens themselves.
  func leastTokens(ofData text: String) -> Int {
    longestPiece.map { Self.characters(of: text) / $0 } ?? 0
  }

  /// As the other, for the words of a prompt, in which added tokens are recognised.
  func leastTokens(ofText text: String) -> Int {
    longestToken.map { Self.characters(of: text) / $0 } ?? 0
  }

  /// Unicode scalars, counted in bytes: all but those that continue one.
  private static func characters(of text: String) -> Int {
    text.utf8.withContiguousStorageIfAvailable { bytes in
      bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
    } ?? text.unicodeScalars.count
  }
}
