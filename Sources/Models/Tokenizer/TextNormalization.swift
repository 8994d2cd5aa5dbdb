// SPDX-License-Identifier: Apache-2.0

/// What a SentencePiece model does to a text before it cuts it into pieces, as far as it decides how long the text is then.
///
/// - Source: `NormalizerSpec` in sentencepiece_model.proto: field 3 of the model, with `precompiled_charsmap` as its field 2 and
///   `remove_extra_whitespaces`, which is true by default, as its field 4.
struct TextNormalization: Sendable {
  /// Characters may become others, fewer ones or none.
  private(set) var replacesCharacters = false
  private(set) var removesSpaces = true

  /// Every character stays, as itself or as the sign for a space.
  var keepsLength: Bool { !replacesCharacters && !removesSpaces }

  /// - Parameter model: serialised. Bytes that are none leave what is read of them: such a model cannot be loaded.
  init(ofModel model: [UInt8]) {
    var fields = Fields(rest: model[...])
    while let field = fields.next() {
      guard field.number == 3, case .bytes(let specification) = field.value else { continue }
      // A message that is there twice is merged.
      read(specification)
    }
  }

  private mutating func read(_ specification: ArraySlice<UInt8>) {
    var fields = Fields(rest: specification)
    while let field = fields.next() {
      switch (field.number, field.value) {
      case (2, .bytes(let map)): replacesCharacters = !map.isEmpty
      case (4, .number(let flag)): removesSpaces = flag != 0
      default: break
      }
    }
  }
}

/// The fields of a protobuf message, one after the other; ends at what is none.
private struct Fields {
  enum Value {
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)
    case fixed
  }

  var rest: ArraySlice<UInt8>

  mutating func next() -> (number: UInt64, value: Value)? {
    guard let key = number(), let value = value(ofType: key & 7) else { return nil }
    return (key >> 3, value)
  }

  private mutating func value(ofType type: UInt64) -> Value? {
    switch type {
    case 0: number().map { .number($0) }
    case 1: take(8).map { _ in .fixed }
    case 2: number().flatMap { take($0) }.map { .bytes($0) }
    case 5: take(4).map { _ in .fixed }
    default: nil
    }
  }

  private mutating func take(_ count: UInt64) -> ArraySlice<UInt8>? {
    guard count <= UInt64(rest.count) else { return nil }
    defer { rest = rest.dropFirst(Int(count)) }
    return rest.prefix(Int(count))
  }

  private mutating func number() -> UInt64? {
    var result: UInt64 = 0
    var shift: UInt64 = 0
    while let byte = rest.first, shift < 64 {
      rest = rest.dropFirst()
      result |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return result }
      shift += 7
    }
    return nil
  }
}
