// SPDX-License-Identifier: Apache-2.0

/// `tokenizer.json` with the marker `<i_vis>`, id for id as Hugging Face's tokenizers.
final class PipelineTokenizer: Sendable {
  typealias Segment = LlamaTokenizer.Segment
  typealias Encoding = LlamaTokenizer.Encoding

  private let pipeline: TokenizerPipeline
  let pieceCount: Int
  let longestPiece: Int?
  let longestToken: Int?
  let endOfAnswer: String
  /// What whoever loads it should know.
  let remark: String?

  private static let publishedEnd = "</s>"

  /// Reads `tokenizer.json` of `directory`; `configuration` is what stands beside it.
  ///
  /// - Parameter vocabulary: of the LLM's file, which must have the same ids; nil where it has none.
  convenience init(
    directory: String, _ configuration: TokenizerConfiguration, sameAs vocabulary: GGUFVocabulary? = nil
  ) throws(ModelError) {
    let path = directory + "/tokenizer.json"
    var file = try TokenizerFile(path: path)
    let pipeline = try file.pipeline(configuration, marker: LlamaTokenizer.visualMarker, sameAs: vocabulary)
    let remark = TokenizerClass.remark(on: pipeline.parts, named: configuration.writtenBy, path)
    try self.init(pipeline, path: path, end: configuration.statedEndName, remark: remark)
  }

  /// - Parameter end: the LLM's own end of an answer.
  init(_ pipeline: TokenizerPipeline, path: String, end: String?, remark: String? = nil) throws(ModelError) {
    self.remark = remark
    guard !pipeline.marker.isSingleWord else {
      throw ModelError(
        .unsupported,
        "\(path): single_word of \(LlamaTokenizer.visualMarker) must be false, or the prompt has no place for soft tokens"
      )
    }
    guard Self.keepsMarkers(pipeline) else {
      throw ModelError(
        .unsupported,
        "\(path): its normalizer takes away characters of \(LlamaTokenizer.visualMarker), and the prompt has no place for soft "
          + "tokens; use a tokenizer.json whose normalizer leaves them")
    }
    self.pipeline = pipeline
    let others = pipeline.parts.addedTokens.filter { $0 != pipeline.marker }
    pieceCount = Int(max(pipeline.parts.mostID, others.map(\.id).max() ?? 0)) + 1
    longestPiece = pipeline.parts.longestPiece
    longestToken = pipeline.parts.addedTokens.longestToken(besidePieces: longestPiece)
    let hasPublishedEnd = others.contains { $0.content == Self.publishedEnd }
    endOfAnswer = hasPublishedEnd ? Self.publishedEnd : end ?? Self.publishedEnd
  }

  private static func keepsMarkers(_ pipeline: TokenizerPipeline) -> Bool {
    var text = MarkedText(bytes: [])
    text.append("a", .text)
    for _ in 0..<2 { text.append(LlamaTokenizer.visualMarker, .marker) }
    text.append("a", .text)
    return pipeline.encode(text).markers.count == 2
  }

  var visualMarkerID: Int32 { pipeline.marker.id }

  func encode(_ segments: [Segment]) -> Encoding {
    var text = MarkedText(bytes: [])
    for segment in segments {
      switch segment {
      case .text(let words): text.append(words, .text)
      case .data(let value): text.append(value, .data)
      case .visualMarker: text.append(LlamaTokenizer.visualMarker, .marker)
      }
    }
    let (ids, markers) = pipeline.encode(text)
    return surrounded(ids, markers)
  }

  func encode(markers count: Int) -> Encoding {
    surrounded([Int32](repeating: visualMarkerID, count: count), Array(0..<count))
  }

  func encodeWithoutBeginning(_ text: String) -> [Int32] {
    pipeline.encode(MarkedText(bytes: Array(text.utf8))).ids
  }

  private func surrounded(_ ids: [Int32], _ markers: [Int]) -> Encoding {
    let beginning = pipeline.parts.beginning
    return Encoding(ids: beginning + ids + pipeline.parts.end, markerPositions: markers.map { $0 + beginning.count })
  }
}
