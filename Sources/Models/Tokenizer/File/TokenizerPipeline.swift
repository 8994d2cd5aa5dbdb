// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A tokenizer that `tokenizer.json` describes, id for id as Hugging Face's tokenizers: added tokens are cut out of the text, what is
/// between them is normalised, cut into words, and each word into pieces.
final class TokenizerPipeline: Sendable {
  enum Model: Sendable {
    case bytePairs(BytePairModel)
    case unigram(UnigramModel)
  }

  /// What a pipeline is made of.
  struct Parts: Sendable {
    var normalizer = TextNormalizer()
    var preTokenizer = PreTokenizer()
    let model: Model
    /// With the marker, whose id is set.
    let addedTokens: [AddedToken]
    /// Around every text.
    var beginning: [Int32] = []
    var end: [Int32] = []
    /// Most characters that one token of data stands for; nil where that has no bound.
    var longestPiece: Int?
    /// The largest id of the model's own.
    let mostID: Int32
  }

  let parts: Parts
  let marker: AddedToken
  /// Recognised in the text as it is, and in the normalised text.
  private let plainTokens: AddedTokenSearch
  private let normalisedTokens: AddedTokenSearch
  /// Of the model alone, which is the same for every text.
  private let cache: Mutex<Cache>

  private struct Cache: ~Copyable { var words: WordCache? }

  init(_ parts: Parts, marker: AddedToken) {
    self.parts = parts
    self.marker = marker
    let normalizer = parts.normalizer
    // Of two that are spelled alike, the special one is found.
    let tokens = parts.addedTokens.filter(\.isSpecial) + parts.addedTokens.filter { !$0.isSpecial }
    plainTokens = AddedTokenSearch(
      tokens.filter { !$0.isNormalized }.map { ($0, Array($0.content.utf8)) }, marker: marker.content)
    normalisedTokens = AddedTokenSearch(
      tokens.filter(\.isNormalized).map {
        ($0, normalizer.normalised(MarkedText(bytes: Array($0.content.utf8))).bytes)
      }, marker: marker.content)
    if case .bytePairs = parts.model { cache = Mutex(Cache(words: WordCache())) } else { cache = Mutex(Cache()) }
  }

  /// The ids of a text, without those around it, and where its markers stand among them.
  func encode(_ text: MarkedText) -> (ids: [Int32], markers: [Int]) {
    // Who comes while another thread has the cache does without.
    cache.withLockIfAvailable { encode(text, $0.words) } ?? encode(text, nil)
  }

  private func encode(_ text: MarkedText, _ cache: borrowing WordCache?) -> (ids: [Int32], markers: [Int]) {
    var ids: [Int32] = []
    ids.reserveCapacity(text.bytes.count / 3 + 4)
    var markers: [Int] = []
    for run in plainTokens.runs(text) {
      switch run {
      case .token(let index): append(plainTokens.tokens[index], to: &ids, &markers)
      case .text(let range):
        let isWhole = range.count == text.bytes.count
        let part = isWhole ? text : text[range]
        append(parts.normalizer.isEmpty ? part : parts.normalizer.normalised(part), to: &ids, &markers, cache)
      }
    }
    return (ids, markers)
  }

  private func append(_ token: AddedToken, to ids: inout [Int32], _ markers: inout [Int]) {
    if token == marker { markers.append(ids.count) }
    ids.append(token.id)
  }

  private func append(
    _ text: MarkedText, to ids: inout [Int32], _ markers: inout [Int], _ cache: borrowing WordCache?
  ) {
    for run in normalisedTokens.runs(text) {
      switch run {
      case .token(let index): append(normalisedTokens.tokens[index], to: &ids, &markers)
      case .text(let range):
        text.bytes.withUnsafeBufferPointer { bytes in
          appendWords(
            UnsafeBufferPointer(rebasing: bytes[range]), isFirst: text.beginsWhole && range.lowerBound == 0, to: &ids,
            cache)
        }
      }
    }
  }

  private func appendWords(
    _ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, to ids: inout [Int32], _ cache: borrowing WordCache?
  ) {
    switch parts.model {
    case .bytePairs(let model):
      parts.preTokenizer.forEachWord(text, isFirst: isFirst) { model.append($0, to: &ids, cache) }
    case .unigram(let model): parts.preTokenizer.forEachWord(text, isFirst: isFirst) { model.append($0, to: &ids) }
    }
  }
}
