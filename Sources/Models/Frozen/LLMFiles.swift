// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// The shape and the weights of a checkpoint's frozen LLM: Hugging Face's `config.json` with its weights, or one GGUF file.
package struct LLMFiles: Sendable {
  package let shape: LlamaConfiguration
  package let weights: WeightFiles
  /// What says the shape.
  package let configuration: String

  package init(of checkpoint: CheckpointLocation) throws(ModelError) {
    if let path = try checkpoint.llmGGUF() {
      let context = try checkpoint.trainedContext()
      let gguf = try GGUFFile(path: path)
      var settings = try GGUFConfiguration(gguf)
      let llama = try GGUFLlama(gguf, layers: settings.layers, headWidth: settings.headWidth)
      if let factors = llama.ropeFactors { try settings.add(ropeFactors: factors) }
      let keys = try ConfigurationKeys(.object(settings.values), path: path)
      (configuration, weights) = (path, llama.weights)
      shape = try LlamaConfiguration(keys, trainedContext: context)
      try Self.requireSame(shape, as: checkpoint.llm + "/config.json", path, context)
    } else {
      configuration = checkpoint.llm + "/config.json"
      shape = try checkpoint.llmShape()
      weights = try checkpoint.llmWeightFiles()
    }
  }

  /// A configuration beside a GGUF file says the same, or it is another model's.
  private static func requireSame(
    _ shape: LlamaConfiguration, as path: String, _ gguf: String, _ context: Double?
  ) throws(ModelError) {
    guard CheckpointLocation.exists(path) else { return }
    let other = try LlamaConfiguration(path: path, trainedContext: context)
    guard other.llmSizes == shape.llmSizes else {
      throw ModelError(
        .malformed,
        "\(path) says \(other.llmSizes), and \(gguf) \(shape.llmSizes) (width, layers, heads, key/value heads, head width, "
          + "feed-forward width, epsilon, RoPE base and scaling); take away the one that is another model's")
    }
  }
}

extension LlamaConfiguration {
  /// What every description of one model has in common; the number of tokens is another before and after tokens are added.
  fileprivate var llmSizes: String {
    let sizes = [width, layers, heads, keyValueHeads, headWidth, feedForwardWidth].map(String.init)
    return (sizes + ["\(normEpsilon)", "\(ropeBase)", "\(ropeScaling)"]).joined(separator: " ")
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

  /// - Parameter path: a file, or a directory that is searched for one.
  static func gguf(at path: String) throws(ModelError) -> String? {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else { return nil }
    guard isDirectory.boolValue else { return path }
    guard !WeightFiles.exist(in: path) else { return nil }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
      .filter { $0.lowercased().hasSuffix(".gguf") }
    guard names.count < 2 else {
      throw ModelError(
        .unsupported,
        "\(path) holds \(names.count) GGUF files: \(names.prefix(4).joined(separator: ", ")); leave the one that is the frozen "
          + "LLM, whole: llama-gguf-split --merge joins the parts of one")
    }
    return names.first.map { "\(path)/\($0)" }
  }
}
