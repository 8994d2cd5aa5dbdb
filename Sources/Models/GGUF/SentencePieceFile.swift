// SPDX-License-Identifier: Apache-2.0

/// A SentencePiece model of byte pairs, serialised as LLaMA's `tokenizer.model` is.
///
/// - Source: `ModelProto` of sentencepiece_model.proto.
struct SentencePieceFile {
  struct Piece {
    let text: [UInt8]
    let score: Float
  }

  let pieces: [Piece]
  /// `SentencePiece.Type` of each.
  let kinds: [Int32]

  private static let byte: Int32 = 6
  private static let bytePairs: UInt64 = 2

  /// Texts keep their spaces, which become a sign of their own, and characters without a piece become bytes where these have pieces.
  var bytes: [UInt8] {
    var model = ProtobufWriter()
    for (piece, kind) in zip(pieces, kinds) {
      var entry = ProtobufWriter()
      entry.append(1, bytes: piece.text)
      entry.append(2, float: piece.score)
      entry.append(3, number: UInt64(kind))
      model.append(1, bytes: entry.bytes)
    }
    var training = ProtobufWriter()
    training.append(3, number: Self.bytePairs)
    training.append(35, number: kinds.contains(Self.byte) ? 1 : 0)
    for (field, piece) in [(45, "<unk>"), (46, "<s>"), (47, "</s>"), (48, "<pad>")] as [(UInt64, String)] {
      training.append(field, bytes: Array(piece.utf8))
    }
    model.append(2, bytes: training.bytes)
    var normalization = ProtobufWriter()
    normalization.append(1, bytes: Array("identity".utf8))
    normalization.append(3, number: 1)
    normalization.append(4, number: 0)
    normalization.append(5, number: 1)
    model.append(3, bytes: normalization.bytes)
    return model.bytes
  }
}

/// The fields of a protobuf message, as far as a SentencePiece model has them.
private struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ field: UInt64, number value: UInt64) {
    append(field << 3)
    append(value)
  }

  mutating func append(_ field: UInt64, float value: Float) {
    append(field << 3 | 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  mutating func append(_ field: UInt64, bytes value: [UInt8]) {
    append(field << 3 | 2)
    append(UInt64(value.count))
    bytes += value
  }

  private mutating func append(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
