// SPDX-License-Identifier: Apache-2.0

import CSentencePiece
import Glibc

/// A SentencePiece model, loaded to tokenise without the dummy space that it would put before a text, or with it.
///
/// Hugging Face's `LlamaTokenizer(legacy=False)` switches that space off and adds its own, see `SentencePieceTokenizer`.
final class SentencePieceModel: Sendable {
  // Immutable on the C side: any thread may use it.
  nonisolated(unsafe) private let handle: OpaquePointer
  /// Most characters of a text, in Unicode scalars, that one piece stands for; nil where that has no bound: the model drops or
  /// replaces characters, has no bytes for what it does not know, or joins words.
  let longestPiece: Int?

  /// `normalizer_spec { add_dummy_prefix: false }` as protobuf bytes. A message that is read twice is merged, so at the
  /// end of a serialised model they overrule what it says.
  private static let noDummyPrefix: [UInt8] = [0x1A, 0x02, 0x18, 0x00]

  /// - Parameter addsSpaces: before each text, where the model says so.
  convenience init(path: String, addsSpaces: Bool = false) throws(ModelError) {
    let file = try CheckpointFile(path: path, maxBytes: CheckpointFile.maxCopiedBytes)
    try self.init(file.withBytes { Array($0) }, origin: path, addsSpaces: addsSpaces)
  }

  /// - Parameters:
  ///   - bytes: serialised.
  ///   - origin: where they come from, for messages.
  init(_ bytes: [UInt8], origin: String, addsSpaces: Bool = false) throws(ModelError) {
    let model = bytes + (addsSpaces ? [] : Self.noDummyPrefix)
    var handle: OpaquePointer?
    var message: UnsafeMutablePointer<CChar>?
    let status = illmrec_sentencepiece_create(model, model.count, &handle, &message)
    defer { illmrec_sentencepiece_free(message) }
    guard status == ILLMREC_SENTENCEPIECE_OK, let handle else {
      let reason = message.map { String(cString: $0) } ?? "out of memory"
      throw ModelError(.malformed, "\(origin) is not a SentencePiece model: \(reason)")
    }
    self.handle = handle
    let longest = Int(illmrec_sentencepiece_longest_piece(handle))
    longestPiece = longest > 0 && TextNormalization(ofModel: model).keepsLength ? longest : nil
  }

  deinit { illmrec_sentencepiece_destroy(handle) }

  /// Number of pieces.
  var pieceCount: Int { Int(illmrec_sentencepiece_size(handle)) }

  /// Id of what no piece covers.
  var unknownID: Int32 { illmrec_sentencepiece_unknown_id(handle) }

  /// Id of `piece`, or nil when the model has no such piece, or only the one for what it does not know.
  func id(of piece: String) -> Int32? {
    var piece = piece
    let id = piece.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) { illmrec_sentencepiece_piece_to_id(handle, $0.baseAddress, $0.count) }
    }
    return id == unknownID ? nil : id
  }

  /// The piece of an id below ``pieceCount``.
  ///
  /// - Returns: its bytes, whether it is a text's and neither steers the model nor is the unknown one, and whether it stands for the
  ///   byte that its name tells.
  func piece(_ id: Int32) -> (bytes: [UInt8], isText: Bool, isByte: Bool) {
    precondition(id >= 0 && Int(id) < pieceCount)
    var size = 0
    var kind = ILLMREC_SENTENCEPIECE_TEXT
    let start = illmrec_sentencepiece_piece(handle, id, &size, &kind)
    let bytes = UnsafeRawBufferPointer(start: start, count: size)
    return (Array(bytes), kind != ILLMREC_SENTENCEPIECE_NO_TEXT, kind == ILLMREC_SENTENCEPIECE_BYTE)
  }

  /// Ids of the pieces of `text`.
  func encode(_ text: String) -> [Int32] {
    var text = text
    var ids: UnsafeMutablePointer<Int32>?
    var count = 0
    let status = text.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) {
        illmrec_sentencepiece_encode(handle, $0.baseAddress, $0.count, &ids, &count)
      }
    }
    defer { illmrec_sentencepiece_free(ids) }
    // A loaded model tokenises every UTF-8 text; only memory can be missing.
    guard status == ILLMREC_SENTENCEPIECE_OK else { fatalError("no memory to tokenise \(text.utf8.count) bytes") }
    return Array(UnsafeBufferPointer(start: ids, count: count))
  }

  /// Trains a small model like LLaMA's on `text` and returns it serialised.
  static func train(on text: [String], vocabularySize: Int) throws(ModelError) -> [UInt8] {
    var lines = text.map { strdup($0) }
    defer { for line in lines { free(line) } }
    var model: UnsafeMutableRawPointer?
    var size = 0
    var message: UnsafeMutablePointer<CChar>?
    let status = lines.withUnsafeMutableBufferPointer { lines in
      lines.withMemoryRebound(to: UnsafePointer<CChar>?.self) {
        illmrec_sentencepiece_train($0.baseAddress, $0.count, Int32(vocabularySize), &model, &size, &message)
      }
    }
    defer {
      illmrec_sentencepiece_free(model)
      illmrec_sentencepiece_free(message)
    }
    guard status == ILLMREC_SENTENCEPIECE_OK else {
      let reason = message.map { String(cString: $0) } ?? "out of memory"
      throw ModelError(.invalidInput, "no tokenizer can be trained on \(text.count) lines of text: \(reason)")
    }
    return Array(UnsafeRawBufferPointer(start: model, count: size))
  }
}
