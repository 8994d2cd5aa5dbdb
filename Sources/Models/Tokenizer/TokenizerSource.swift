// SPDX-License-Identifier: Apache-2.0

/// Which of its files a checkpoint's tokenizer is read from.
///
/// The published code reads `tokenizer.model`, and writes nothing else. So that is what counts where it is, even where a
/// `tokenizer.json` lies beside it, unless `tokenizer_config.json` names a class of transformers that reads the latter
/// (`…Fast`, `TokenizersBackend`). A GGUF file's own tokenizer counts where there is neither.
enum TokenizerSource: Sendable, Equatable {
  case sentencePiece
  case file
  case gguf(String)

  static let model = "tokenizer.model"
  static let json = "tokenizer.json"
  private static let beside = ["tokenizer_config.json", "added_tokens.json"]

  /// - Parameter gguf: the file that the LLM is, when it is one.
  init(directory: String, _ configuration: TokenizerConfiguration, gguf: String?) throws(ModelError) {
    let hasModel = CheckpointLocation.exists("\(directory)/\(Self.model)")
    let hasFile = CheckpointLocation.exists("\(directory)/\(Self.json)")
    switch (hasModel, hasFile) {
    case (true, true):
      let writer = configuration.writtenBy ?? ""
      self = writer.hasSuffix("Fast") || writer == "TokenizersBackend" ? .file : .sentencePiece
    case (true, false): self = .sentencePiece
    case (false, true): self = .file
    case (false, false):
      guard let gguf else {
        throw ModelError(
          .notFound,
          "\(directory) holds neither tokenizer.model nor tokenizer.json; copy one of them from the checkpoint")
      }
      try Self.refuseLonely(in: directory, gguf)
      self = .gguf(gguf)
    }
  }

  /// They belong to a tokenizer that is missing, and say nothing of a GGUF file's.
  private static func refuseLonely(in directory: String, _ gguf: String) throws(ModelError) {
    guard let name = beside.first(where: { CheckpointLocation.exists("\(directory)/\($0)") }) else { return }
    throw ModelError(
      .unsupported,
      "\(directory)/\(name) belongs to a tokenizer.json or tokenizer.model, which is missing; copy that from the checkpoint, or take "
        + "\(name) away when the tokenizer of \(gguf) is meant")
  }

  /// The files that decide what a text's tokens are, of those that exist.
  func files(in directory: String) -> [String] {
    switch self {
    case .gguf(let path): [path]
    case .sentencePiece: Self.existing([Self.model] + Self.beside, in: directory)
    case .file: Self.existing([Self.json] + Self.beside, in: directory)
    }
  }

  private static func existing(_ names: [String], in directory: String) -> [String] {
    names.map { "\(directory)/\($0)" }.filter(CheckpointLocation.exists)
  }
}

extension CheckpointLocation {
  /// The files that decide what a text's tokens are.
  func tokenizerFiles() throws(ModelError) -> [String] {
    let configuration = try TokenizerConfiguration(directory: tokenizer)
    return try TokenizerSource(directory: tokenizer, configuration, gguf: try llmGGUF()).files(in: tokenizer)
  }
}
