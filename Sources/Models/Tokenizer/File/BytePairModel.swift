// SPDX-License-Identifier: Apache-2.0

/// Byte-pair encoding as `tokenizer.json` says it: of bytes that stand for themselves, or of characters.
struct BytePairModel: Sendable {
  /// What a word is cut into before merges.
  enum Alphabet: Sendable {
    /// Ids by byte; -1 where there is none.
    case bytes([Int32])
    /// Ids by character.
    case characters(PairTable)
  }

  let alphabet: Alphabet
  let merger: TokenMerger
  /// Whole words that are looked up before any merge; nil where merges alone count.
  let words: ByteTrie?
  /// For what the alphabet lacks: ids by byte, -1 where there is none. Nil where bytes are not to stand in.
  let fallback: [Int32]?
  /// For what has no bytes either; nil drops it.
  let unknown: Int32?
  /// Neighbours that are unknown are one.
  let fusesUnknown: Bool

  /// Appends the ids of a word.
  func append(_ word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32], _ cache: borrowing WordCache?) {
    let key = WordCache.Key(word)
    if let key, cache?.append(key, to: &ids) == true { return }
    let start = ids.count
    if let id = words?.value(of: word) {
      ids.append(id)
    } else {
      appendAlphabet(word, to: &ids)
      let left = ids.withUnsafeMutableBufferPointer { merger.merge(.init(rebasing: $0[start...])) }
      ids.removeSubrange((start + left)...)
    }
    if let key { cache?.keep(key, ids[start...]) }
  }

  private func appendAlphabet(_ word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
    // An unknown token waits for those that it is fused with.
    var waiting = false
    switch alphabet {
    case .bytes(let table):
      for byte in word { append(table[Int(byte)], [byte], &waiting, to: &ids) }
    case .characters(let table):
      var place = 0
      while place < word.count {
        let (scalar, length) = UTF8Reading.scalar(word, place)
        let id = table[0, scalar].map { Int32($0) } ?? -1
        append(id, UnsafeBufferPointer(rebasing: word[place..<place + length]), &waiting, to: &ids)
        place += length
      }
    }
    if waiting, let unknown { ids.append(unknown) }
  }

  @inline(__always)
  private func append(
    _ id: Int32, _ bytes: some Collection<UInt8>, _ waiting: inout Bool, to ids: inout [Int32]
  ) {
    if id >= 0 {
      if waiting, let unknown { ids.append(unknown) }
      waiting = false
      ids.append(id)
    } else if let fallback, bytes.allSatisfy({ fallback[Int($0)] >= 0 }) {
      for byte in bytes { ids.append(fallback[Int(byte)]) }
    } else if let unknown {
      if waiting, !fusesUnknown { ids.append(unknown) }
      waiting = true
    }
  }
}
