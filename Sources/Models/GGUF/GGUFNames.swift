// SPDX-License-Identifier: Apache-2.0

import Kernels

extension WeightFiles {
  /// The tensors of a GGUF file's LLM, under the names and in the order of rows that Hugging Face's files have.
  ///
  /// - Parameter configuration: of the same file.
  init(_ gguf: GGUFFile, _ configuration: GGUFConfiguration) throws(ModelError) {
    let names = GGUFNames(
      path: gguf.path, architecture: configuration.architecture, layers: configuration.sizes.layers,
      headWidth: configuration.sizes.headWidth)
    var tensors: [String: StoredTensor] = [:]
    for tensor in gguf.tensors where !configuration.readTensors.contains(tensor.name) {
      guard let renamed = try names.renamed(tensor) else { continue }
      tensors[renamed.name] = renamed
    }
    self.init(file: gguf.path, tensors: tensors)
  }
}

/// How the tensors of a GGUF file are called in Hugging Face's files.
///
/// In some architectures llama.cpp rotates neighbours where Hugging Face rotates halves of a head, so that its conversion reorders the
/// rows of queries and keys; ``RowOrder`` takes that back as they are read.
private struct GGUFNames {
  let path: String
  let architecture: GGUFArchitecture
  let layers: Int
  let headWidth: Int

  private static let wholeNames = [
    "token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
  ]

  /// Conversions of 2023 kept the rotary frequencies of each layer, which llama.cpp passes over as well.
  private static let unusedSuffix = ".attn_rot_embd.weight"

  /// Nil for a tensor that nobody uses.
  func renamed(_ tensor: StoredTensor) throws(ModelError) -> StoredTensor? {
    guard !tensor.name.hasSuffix(Self.unusedSuffix) else { return nil }
    guard let name = name(of: tensor.name) else {
      throw ModelError(
        .unsupported,
        "\(path) holds \(tensor.name), which a model of the architecture \(architecture.name) with \(layers) layers does not have "
          + "here; what it changes would not be computed")
    }
    return StoredTensor(
      name: name, type: tensor.type, shape: tensor.shape, strides: nil, offset: tensor.offset, file: tensor.file,
      rowOrder: try rowOrder(of: tensor, named: name))
  }

  /// `blk.3.attn_q.weight` is `model.layers.3.self_attn.q_proj.weight`.
  private func name(of name: String) -> String? {
    if let whole = Self.wholeNames[name] { return whole }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "blk", let layer = Int(parts[1]), String(layer) == parts[1],
      (0..<layers).contains(layer), let module = architecture.modules[String(parts[2])],
      parts[3] == "weight" || parts[3] == "bias" && architecture.biasedModules.contains(String(parts[2]))
    else { return nil }
    return "model.layers.\(layer).\(module).\(parts[3])"
  }

  private func rowOrder(of tensor: StoredTensor, named name: String) throws(ModelError) -> RowOrder? {
    guard architecture.reordersHeads, [".self_attn.q_proj.", ".self_attn.k_proj."].contains(where: name.contains)
    else { return nil }
    guard headWidth > 0, headWidth % 2 == 0, tensor.shape[0] % headWidth == 0 else {
      throw ModelError(
        .tensorMismatch, "\(path): \(tensor.name) has \(tensor.shape[0]) rows, which are no heads of \(headWidth)")
    }
    return RowOrder(headWidth: headWidth)
  }
}
