// SPDX-License-Identifier: Apache-2.0

/// The tokenizer of an LLM with the marker `<i_vis>`: of SentencePiece's `tokenizer.model`, or of `tokenizer.json`.
///
/// Texts come in two kinds. A prompt's own words are tokenised as Hugging Face does it: added tokens that stand in them
/// are recognised. Values that come from outside, such as titles, are data: what looks like an added token in them is
/// tokenised as the characters it consists of, so that no title can place a soft token or end a prompt.
package final class LlamaTokenizer: Sendable {
  /// Stands for an item's soft token.
  package static let visualMarker = "<i_vis>"

  /// A piece of a text to tokenise.
  package enum Segment: Sendable, Equatable {
    /// Words in which added tokens are recognised.
    case text(String)
    /// Characters that stand for themselves.
    case data(String)
    /// The marker.
    case visualMarker
  }

  /// The tokens of a text.
  package struct Encoding: Sendable, Equatable {
    package let ids: [Int32]
    /// Where the markers of the text's segments stand in `ids`.
    package let markerPositions: [Int]
  }

  /// What the ids are made by.
  private enum Engine: Sendable {
    case sentencePiece(SentencePieceTokenizer)
    case pipeline(PipelineTokenizer)
  }

  private let engine: Engine
  /// Most characters that one token of data stands for; nil where that has no bound.
  let longestPiece: Int?
  /// As the other, of words in which added tokens are recognised.
  let longestToken: Int?
  /// What ends an answer: `</s>` as in the published code, or the LLM's own where that is none of its tokens.
  package let endOfAnswer: String

  /// Reads `tokenizer.model` or `tokenizer.json` of `directory`, with `tokenizer_config.json` and `added_tokens.json`, which may be
  /// missing, or the tokenizer of a GGUF file, whichever ``TokenizerSource`` says.
  ///
  /// - Parameter gguf: the file that the LLM is, when it is one. Where the tokenizer is another file's, the two must have the same
  ///   ids.
  private init(directory: String, gguf: String?) throws(ModelError) {
    let configuration = try TokenizerConfiguration(directory: directory)
    let source = try TokenizerSource(directory: directory, configuration, gguf: gguf)
    let engine = try Self.engine(source, directory, configuration, gguf)
    self.engine = engine
    switch engine {
    case .sentencePiece(let tokenizer):
      (longestPiece, longestToken) = (tokenizer.longestPiece, tokenizer.longestToken)
      endOfAnswer = "</s>"
    case .pipeline(let tokenizer):
      (longestPiece, longestToken) = (tokenizer.longestPiece, tokenizer.longestToken)
      endOfAnswer = tokenizer.endOfAnswer
    }
  }

  /// The tokenizer of a checkpoint's `llm/`, which may hold a GGUF file.
  package convenience init(directory: String) throws(ModelError) {
    try self.init(directory: directory, gguf: try CheckpointLocation.gguf(at: directory))
  }

  /// The tokenizer of a checkpoint's LLM, wherever that lies.
  package convenience init(of checkpoint: CheckpointLocation) throws(ModelError) {
    try self.init(directory: checkpoint.tokenizer, gguf: try checkpoint.llmGGUF())
  }

  /// The same, told to whoever hears of loading what there is to know of it.
  convenience init(of checkpoint: CheckpointLocation, _ loading: LoadingOptions) throws(ModelError) {
    try self.init(of: checkpoint)
    if let remark { loading.report(.warning(remark)) }
  }

  /// Nil where the file brings no tokenizer along.
  private static func vocabulary(_ gguf: String?) throws(ModelError) -> GGUFVocabulary? {
    guard let gguf else { return nil }
    let file = try GGUFFile(path: gguf)
    return file.metadata[GGUFVocabulary.prefix + "tokens"] == nil ? nil : try GGUFVocabulary(file)
  }

  private static func engine(
    _ source: TokenizerSource, _ directory: String, _ configuration: TokenizerConfiguration, _ gguf: String?
  ) throws(ModelError) -> Engine {
    switch source {
    case .sentencePiece:
      .sentencePiece(try SentencePieceTokenizer(directory: directory, configuration, sameAs: try vocabulary(gguf)))
    case .file: .pipeline(try PipelineTokenizer(directory: directory, configuration, sameAs: try vocabulary(gguf)))
    case .gguf(let path): try engine(gguf: path)
    }
  }

  private static func engine(gguf path: String) throws(ModelError) -> Engine {
    var vocabulary = try GGUFVocabulary(try GGUFFile(path: path))
    switch try vocabulary.text("model") {
    case "gpt2": return .pipeline(try PipelineTokenizer(&vocabulary))
    case "llama": return .sentencePiece(try SentencePieceTokenizer(&vocabulary))
    default:
      throw vocabulary.refusal(
        of: "model", "\"gpt2\" and \"llama\" are computed; put the model's tokenizer.json beside it")
    }
  }

  /// What whoever loads it should know; nil for nothing.
  package var remark: String? {
    switch engine {
    case .sentencePiece: nil
    case .pipeline(let tokenizer): tokenizer.remark
    }
  }

  /// For people: what the ids are made by.
  package var kind: String {
    switch engine {
    case .sentencePiece: "SentencePiece"
    case .pipeline: "tokenizer.json"
    }
  }

  /// Id of `<i_vis>`.
  package var visualMarkerID: Int32 {
    switch engine {
    case .sentencePiece(let tokenizer): tokenizer.visualMarkerID
    case .pipeline(let tokenizer): tokenizer.visualMarkerID
    }
  }

  /// Number of ids that a text can have, the marker aside: the least rows of an embedding table.
  package var pieceCount: Int {
    switch engine {
    case .sentencePiece(let tokenizer): tokenizer.pieceCount
    case .pipeline(let tokenizer): tokenizer.pieceCount
    }
  }

  /// Ids of `segments`, read as one text: `<s>` first, or what else the checkpoint puts around texts.
  package func encode(_ segments: [Segment]) -> Encoding {
    switch engine {
    case .sentencePiece(let tokenizer): tokenizer.encode(segments)
    case .pipeline(let tokenizer): tokenizer.encode(segments)
    }
  }

  /// Ids of a text that is to be continued: what the checkpoint puts behind texts is left out.
  package func beginning(of segments: [Segment]) -> [Int32] {
    let marked = encode(markers: 1)
    return encode(segments).ids.dropLast(marked.ids.count - 1 - marked.markerPositions[0])
  }

  /// Ids of `count` markers alone, `<s>` first: where there is no text, there is no space before it either.
  package func encode(markers count: Int) -> Encoding {
    switch engine {
    case .sentencePiece(let tokenizer): tokenizer.encode(markers: count)
    case .pipeline(let tokenizer): tokenizer.encode(markers: count)
    }
  }

  /// Ids of `text`, without `<s>`.
  package func encodeWithoutBeginning(_ text: String) -> [Int32] {
    switch engine {
    case .sentencePiece(let tokenizer): tokenizer.encodeWithoutBeginning(text)
    case .pipeline(let tokenizer): tokenizer.encodeWithoutBeginning(text)
    }
  }
}
