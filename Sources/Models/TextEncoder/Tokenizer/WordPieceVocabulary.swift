// SPDX-License-Identifier: Apache-2.0

/// The pieces of a WordPiece tokenizer and their ids.
///
/// Keys are UTF-8 bytes: Swift's strings compare by canonical equivalence, under which different pieces would be one.
struct WordPieceVocabulary: Sendable {
  private let ids: [[UInt8]: Int32]
  let unknownID: Int32
  /// Longest piece in bytes: no longer run of a word can be one.
  private let longest: Int

  /// Put before a piece that does not begin its word.
  private static let continuation = Array("##".utf8)

  /// - Throws: `.malformed` when the unknown token is none of the pieces.
  init(_ ids: [[UInt8]: Int32], unknown: String, origin: String) throws(ModelError) {
    guard let unknownID = ids[Array(unknown.utf8)] else {
      throw ModelError(
        .malformed,
        "\(origin) has no token \(unknown), which stands for words that it does not know; is it this model's vocabulary?"
      )
    }
    self.ids = ids
    self.unknownID = unknownID
    longest = ids.keys.map(\.count).max() ?? 0
  }

  func id(of token: String) -> Int32? { ids[Array(token.utf8)] }

  /// The largest id and one.
  var count: Int { Int(ids.values.max() ?? -1) + 1 }

  /// Appends the pieces of a word: the longest that it begins with, then the longest continuation, and so on. A word that
  /// has a part which is no piece is unknown as a whole.
  ///
  /// - Source: Wu et al. 2016 in the greedy form of Devlin et al. 2019.
  func appendPieces(of word: ArraySlice<Unicode.Scalar>, to out: inout [Int32]) {
    guard word.count <= Self.longestWord else { return out.append(unknownID) }
    let (bytes, ends) = Self.utf8(of: word)
    let before = out.count
    var start = 0
    while start < bytes.count {
      guard let (id, end) = longestPiece(of: bytes, from: start, ends: ends) else {
        out.removeSubrange(before...)
        return out.append(unknownID)
      }
      out.append(id)
      start = end
    }
  }

  /// Longer words are unknown without a look at them.
  private static let longestWord = 100

  private func longestPiece(of bytes: [UInt8], from start: Int, ends: [Int]) -> (id: Int32, end: Int)? {
    let prefix = start == 0 ? [] : Self.continuation
    for end in ends.reversed() where end > start && end - start + prefix.count <= longest {
      if let id = ids[prefix + bytes[start..<end]] { return (id, end) }
    }
    return nil
  }

  /// A word's bytes, and where each of its characters ends in them.
  private static func utf8(of word: ArraySlice<Unicode.Scalar>) -> (bytes: [UInt8], ends: [Int]) {
    var bytes: [UInt8] = []
    var ends: [Int] = []
    for scalar in word {
      bytes += UTF8.encode(scalar).map(Array.init) ?? []
      ends.append(bytes.count)
    }
    return (bytes, ends)
  }
}

extension WordPieceVocabulary {
  /// The ids of `vocab.txt`: a piece a line, numbered from 0. When a piece stands twice its last line counts, as in Hugging
  /// Face's reading.
  static func ids(ofLines path: String) throws(ModelError) -> [[UInt8]: Int32] {
    let file = try CheckpointFile(path: path)
    var lines = file.withBytes { bytes in
      bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
    }
    if lines.last?.isEmpty == true { lines.removeLast() }
    var ids: [[UInt8]: Int32] = [:]
    ids.reserveCapacity(lines.count)
    for (line, piece) in lines.enumerated() {
      ids[piece.last == UInt8(ascii: "\r") ? piece.dropLast() : piece] = Int32(line)
    }
    return ids
  }
}
