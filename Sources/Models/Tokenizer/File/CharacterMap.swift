// SPDX-License-Identifier: Apache-2.0

import Foundation

/// SentencePiece's compiled map of characters: a double-array trie over UTF-8, and the texts that its leaves point at.
///
/// - Source: SentencePiece `src/normalizer.cc`; darts-clone's unit of 32 bits; applied as Hugging Face's `Precompiled` does it.
struct CharacterMap: Sendable {
  private let units: [UInt32]
  private let texts: [UInt8]

  /// - Parameter base64: as `precompiled_charsmap` holds it.
  init?(base64: [UInt8]) {
    guard let data = Data(base64Encoded: Data(base64)), data.count >= 4 else { return nil }
    let bytes = [UInt8](data)
    func word(_ offset: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) } }
    let size = Int(word(0))
    guard size % 4 == 0, size > 0, 4 + size <= bytes.count else { return nil }
    units = stride(from: 4, to: 4 + size, by: 4).map(word)
    texts = Array(bytes[(4 + size)...])
    guard String(validating: texts, as: UTF8.self) != nil, leadsToCharacters else { return nil }
  }

  /// Whether each text that the trie leads to begins with a character: a part of one would make what is written no UTF-8.
  private var leadsToCharacters: Bool {
    var children: [Int: [Int]] = [:]
    for (place, unit) in units.enumerated() where unit & 0x8000_0000 == 0 && unit & 0xFF != 0 {
      children[place ^ Int(unit & 0xFF), default: []].append(place)
    }
    var (waiting, seen) = ([Int(Self.offset(units[0]))], Set<Int>())
    while let node = waiting.popLast() {
      guard seen.insert(node).inserted else { continue }
      for place in children[node] ?? [] {
        let next = place ^ Int(Self.offset(units[place]))
        if units[place] >> 8 & 1 == 0 {
          waiting.append(next)
        } else if let start = start(ofText: next), start < texts.count, texts[start] & 0xC0 == 0x80 {
          return false
        }
      }
    }
    return true
  }

  func write(_ bytes: [UInt8], to rewriter: inout MarkedTextRewriter) {
    var place = 0
    for character in String(decoding: bytes, as: UTF8.self) {
      let length = character.utf8.count
      if length < 6, let text = text(for: bytes[place..<place + length]) {
        rewriter.replace(place..<place + length, by: text)
      } else {
        var place = place
        for scalar in character.unicodeScalars {
          let range = place..<place + UTF8.width(scalar)
          if let text = text(for: bytes[range]) { rewriter.replace(range, by: text) } else { rewriter.copy(range) }
          place = range.upperBound
        }
      }
      place += length
    }
  }

  /// What the shortest beginning of `key` that the map has becomes: the whole key does.
  private func text(for key: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var node = Int(Self.offset(units[0]))
    for byte in key {
      guard byte != 0 else { return nil }
      node ^= Int(byte)
      guard node < units.count, units[node] & 0x8000_00FF == UInt32(byte) else { return nil }
      let unit = units[node]
      node ^= Int(Self.offset(unit))
      guard unit >> 8 & 1 == 1 else { continue }
      guard let start = start(ofText: node) else { return nil }
      return texts[start..<(texts[start...].firstIndex(of: 0) ?? texts.count)]
    }
    return nil
  }

  private func start(ofText leaf: Int) -> Int? {
    guard leaf < units.count else { return nil }
    let start = Int(units[leaf] & 0x7FFF_FFFF)
    return start <= texts.count ? start : nil
  }

  private static func offset(_ unit: UInt32) -> UInt32 { (unit >> 10) << ((unit & 1 << 9) >> 6) }
}
