// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Kernels

/// The shape and the weights of a checkpoint's frozen LLM: Hugging Face's `config.json` with its weights, or one GGUF file.
package struct LLMFiles: Sendable {
  package let shape: LlamaConfiguration
  package let weights: WeightFiles
  /// What says the shape.
  package let configuration: String
  /// The `config.json` beside a GGUF file, which says what that leaves out; nil without.
  package let beside: String?
  /// What the reference framework makes of the weights when it loads them; nil for those of a GGUF file, which it widens.
  let loadedPrecision: RotaryTable.Precision?

  package init(of checkpoint: CheckpointLocation) throws(ModelError) {
    if let path = try checkpoint.llmGGUF() {
      let context = try checkpoint.trainedContext()
      let gguf = try GGUFFile(path: path)
      beside = checkpoint.configurationBesideGGUF
      let settings = try GGUFConfiguration(gguf, beside: try beside.flatMap(Self.values))
      let keys = try ConfigurationKeys(.object(settings.values), path: path)
      (configuration, weights) = (path, try WeightFiles(gguf, settings))
      shape = try LlamaConfiguration(keys, trainedContext: context, settings.conversion)
      loadedPrecision = nil
      if let beside { try Self.requireSame(shape, as: beside, path, context) }
    } else {
      (configuration, beside) = (checkpoint.llm + "/config.json", nil)
      shape = try checkpoint.llmShape()
      weights = try checkpoint.llmWeightFiles()
      loadedPrecision = shape.loadedPrecision
    }
  }

  private static func values(of path: String) throws(ModelError) -> [String: JSONValue]? {
    try JSONText.decodeVerbatim(JSONValue.self, from: path).object
  }

  /// A configuration beside a GGUF file says the same, or it is another model's.
  private static func requireSame(
    _ shape: LlamaConfiguration, as path: String, _ gguf: String, _ context: Double?
  ) throws(ModelError) {
    let other = try LlamaConfiguration(path: path, trainedContext: context)
    guard let difference = shape.difference(from: other) else { return }
    throw ModelError(
      .malformed,
      "\(path) says \(difference.theirs), and \(gguf) \(difference.ours) (\(difference.what)); take away the one that is another "
        + "model's")
  }
}

extension LLMFiles {
  /// What turns the last hidden state into logits: lm_head.weight, or the token embeddings when the two are tied. [V, D]
  func head(
    _ packer: MatrixPacker, _ adapter: LoRAAdapter? = nil, on team: ComputeTeam
  ) throws(ModelError) -> LinearWeight {
    var loader = WeightLoader(weights, packer: packer, adapter: adapter, loadedAs: loadedPrecision, on: team)
    let name = shape.tiesEmbeddings ? LlamaModel.prefix(in: weights) + "embed_tokens.weight" : "lm_head.weight"
    let head = loader.matrix(name, [shape.vocabulary, shape.width])
    try loader.finish(expectation: configuration)
    return head
  }
}

extension CheckpointLocation {
  /// The LLM's shape alone.
  package func llmShape() throws(ModelError) -> LlamaConfiguration {
    guard try llmGGUF() == nil else { return try LLMFiles(of: self).shape }
    return try LlamaConfiguration(path: llm + "/config.json", trainedContext: try trainedContext())
  }

  /// The LLM's weights alone.
  package func llmWeightFiles() throws(ModelError) -> WeightFiles {
    try llmGGUF() == nil ? WeightFiles(directory: llm) : LLMFiles(of: self).weights
  }

  /// The GGUF file that the frozen LLM is; nil where it is Hugging Face's files.
  ///
  /// - Throws: `.unsupported` where several lie there.
  func llmGGUF() throws(ModelError) -> String? { try Self.gguf(at: llm) }

  /// GGUF files that lie beside the weights that are read, and are not.
  package var unreadGGUF: [String] {
    guard WeightFiles.exist(in: llm) else { return [] }
    return Self.ggufNames(in: llm)
  }

  private static func ggufNames(in directory: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
      .filter { $0.lowercased().hasSuffix(".gguf") }
  }

  /// The `config.json` of the directory that a GGUF file lies in, or of the checkpoint's `llm/` where `llmWeights` names the file; nil
  /// where there is none.
  fileprivate var configurationBesideGGUF: String? {
    let directory = llmWeights.map { Self.isDirectory($0) ? $0 : tokenizer } ?? llm
    let path = directory + "/config.json"
    return Self.exists(path) ? path : nil
  }

  static func isDirectory(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  /// - Parameter path: a file, or a directory that is searched for one.
  static func gguf(at path: String) throws(ModelError) -> String? {
    guard exists(path) else { return nil }
    guard isDirectory(path) else { return path }
    guard !WeightFiles.exist(in: path) else { return nil }
    let names = ggufNames(in: path)
    guard names.count < 2 else {
      throw ModelError(
        .unsupported,
        "\(path) holds \(names.count) GGUF files: \(names.prefix(4).joined(separator: ", ")); leave the one that is the frozen "
          + "LLM, whole: llama-gguf-split --merge joins the parts of one")
    }
    return names.first.map { "\(path)/\($0)" }
  }
}
