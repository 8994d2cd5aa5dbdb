// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where the files of a checkpoint lie.
///
/// The layout is the one the published code writes: `llm/` (tokenizer, and the frozen LLM's configuration and weights
/// unless they have a directory of their own), `llm_parameter/token_embed.pth`, `vision_tower/`, `rec_module/`.
package struct CheckpointLocation: Sendable {
  /// The checkpoint's directory.
  package let directory: String
  /// The frozen LLM's directory, or its GGUF file, when it is not in `llm/` of the checkpoint.
  package let llmWeights: String?

  /// The directory of the tokenizer's files; they lie there, and not beside weights that have a directory of their own.
  package let tokenizer: String

  package init(directory: String, llmWeights: String? = nil) {
    self.directory = directory
    self.llmWeights = llmWeights
    tokenizer = directory + "/llm"
  }

  /// A frozen LLM without a checkpoint: a directory with its tokenizer, or a GGUF file, whose tokenizer is its own or lies beside it.
  package init(llm path: String) {
    directory = path
    llmWeights = path
    let parent = path.lastIndex(of: "/").map { String(path[..<$0]) }
    tokenizer = Self.isDirectory(path) ? path : parent.map { $0.isEmpty ? "/" : $0 } ?? "."
  }

  /// The checkpoint's own configuration; the published code writes it, a checkpoint works without.
  var configuration: String { directory + "/config.json" }
  package var llm: String { llmWeights ?? directory + "/llm" }
  package var tokenEmbeddings: String { directory + "/llm_parameter/token_embed.pth" }
  /// `vision_tower/`, or the directory itself where it is a vision model's own, as Hugging Face has it.
  package var visionTower: String {
    let part = directory + "/vision_tower"
    let isOwn = ImagePreprocessing.fileNames.contains { Self.exists("\(directory)/\($0)") }
    return Self.exists(part) || !isOwn ? part : directory
  }
  package var recModule: String { directory + "/rec_module" }

  /// Whether there is a trained part.
  package var isTrained: Bool { Self.exists(recModule) }

  package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}

extension CheckpointLocation {
  /// The context length that the checkpoint was trained for, when its `config.json` says.
  package func trainedContext() throws(ModelError) -> Double? {
    guard let file = try JSONText.decodeIfPresent(Configuration.self, from: configuration) else { return nil }
    return file.llmCfg?.modelMaxLength ?? file.trainCfg?.modelMaxLength
  }

  private struct Configuration: Decodable {
    struct Part: Decodable {
      let modelMaxLength: Double?
    }

    let llmCfg: Part?
    let trainCfg: Part?

    private enum Key: CodingKey { case llmCfg, trainCfg }

    /// Before the first save, a part may be the name of a model instead of its configuration.
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      llmCfg = try? container.decodeIfPresent(Part.self, forKey: .llmCfg)
      trainCfg = try? container.decodeIfPresent(Part.self, forKey: .trainCfg)
    }
  }
}
