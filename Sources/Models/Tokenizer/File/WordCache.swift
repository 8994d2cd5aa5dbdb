// SPDX-License-Identifier: Apache-2.0

/// The tokens of short words that were met: most words of a text are among a few thousand.
///
/// A word has one slot, by its hash, and a later one takes it. Words of more than 24 bytes or 8 tokens are not kept.
struct WordCache: ~Copyable {
  struct Slot {
    var first: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0
    /// 0 where there is none.
    var length: Int32 = 0
    var count: Int32 = 0
    var tokens: (Int32, Int32, Int32, Int32, Int32, Int32, Int32, Int32) = (0, 0, 0, 0, 0, 0, 0, 0)
  }

  static let longestWord = 24
  static let mostTokens = 8
  private static let bits: UInt64 = 14

  private let slots: UnsafeMutablePointer<Slot>

  init() {
    slots = .allocate(capacity: 1 << Self.bits)
    slots.initialize(repeating: Slot(), count: 1 << Self.bits)
  }

  deinit { slots.deallocate() }

  /// A word's bytes as three numbers, padded with zeros, and its slot.
  struct Key {
    var first: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0
    let length: Int32
    let slot: Int

    @inline(__always)
    init?(_ word: UnsafeBufferPointer<UInt8>) {
      guard word.count <= longestWord, let base = word.baseAddress else { return nil }
      length = Int32(word.count)
      switch word.count {
      case 17...:
        first = Key.load(base, 8)
        second = Key.load(base + 8, 8)
        third = Key.load(base + 16, word.count - 16)
      case 9...:
        first = Key.load(base, 8)
        second = Key.load(base + 8, word.count - 8)
      default: first = Key.load(base, word.count)
      }
      var hash = first &* 0x9E37_79B9_7F4A_7C15
      hash = (hash ^ (hash >> 29) ^ second) &* 0xBF58_476D_1CE4_E5B9
      hash = (hash ^ (hash >> 32) ^ third ^ UInt64(word.count)) &* 0x94D0_49BB_1331_11EB
      slot = Int(truncatingIfNeeded: hash >> (64 - WordCache.bits))
    }

    @inline(__always)
    private static func load(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
      let raw = UnsafeRawPointer(bytes)
      if count == 8 { return raw.loadUnaligned(as: UInt64.self) }
      if count >= 4 {
        let low = UInt64(raw.loadUnaligned(as: UInt32.self))
        let high = UInt64(raw.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
        return low | high << UInt64(8 * (count - 4))
      }
      var value: UInt64 = 0
      for index in 0..<count { value |= UInt64(bytes[index]) << UInt64(8 * index) }
      return value
    }
  }

  /// Appends the tokens of a word that was met.
  @inline(__always)
  func append(_ key: Key, to ids: inout [Int32]) -> Bool {
    let slot = slots + key.slot
    guard slot.pointee.length == key.length, slot.pointee.first == key.first, slot.pointee.second == key.second,
      slot.pointee.third == key.third
    else { return false }
    let count = Int(slot.pointee.count)
    withUnsafeBytes(of: slot.pointee.tokens) { bytes in
      let tokens = bytes.bindMemory(to: Int32.self)
      for index in 0..<count { ids.append(tokens[index]) }
    }
    return true
  }

  func keep(_ key: Key, _ tokens: ArraySlice<Int32>) {
    guard tokens.count <= Self.mostTokens, key.length > 0 else { return }
    var slot = Slot(first: key.first, second: key.second, third: key.third, length: key.length)
    slot.count = Int32(tokens.count)
    withUnsafeMutableBytes(of: &slot.tokens) { bytes in
      let kept = bytes.bindMemory(to: Int32.self)
      for (index, token) in tokens.enumerated() { kept[index] = token }
    }
    slots[key.slot] = slot
  }
}
