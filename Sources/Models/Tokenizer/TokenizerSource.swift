// SPDX-License-Identifier: Apache-2.0

/// Which of its files a checkpoint's tokenizer is read from.
///
/// The published code reads `tokenizer.model`, and writes nothing else. So that is what counts where it is, even where a
/// `tokenizer.json` lies beside it, unless `tokenizer_config.json` names a class of transformers that reads the latter
/// (`…Fast`, `TokenizersBackend`).
enum TokenizerSource: String, Sendable {
  case sentencePiece = "tokenizer.model"
  case file = "tokenizer.json"

  init(directory: String, _ configuration: TokenizerConfiguration) throws(ModelError) {
    let hasModel = CheckpointLocation.exists("\(directory)/\(Self.sentencePiece.rawValue)")
    let hasFile = CheckpointLocation.exists("\(directory)/\(Self.file.rawValue)")
    switch (hasModel, hasFile) {
    case (true, true):
      let writer = configuration.writtenBy ?? ""
      self = writer.hasSuffix("Fast") || writer == "TokenizersBackend" ? .file : .sentencePiece
    case (true, false): self = .sentencePiece
    case (false, true): self = .file
    case (false, false):
      throw ModelError(
        .notFound, "\(directory) holds neither tokenizer.model nor tokenizer.json; copy one of them from the checkpoint"
      )
    }
  }

  /// The files that decide what a text's tokens are, of those that exist.
  static func files(in directory: String) throws(ModelError) -> [String] {
    let source = try TokenizerSource(directory: directory, TokenizerConfiguration(directory: directory))
    return [source.rawValue, "tokenizer_config.json", "added_tokens.json"].map { "\(directory)/\($0)" }
      .filter(CheckpointLocation.exists)
  }
}
