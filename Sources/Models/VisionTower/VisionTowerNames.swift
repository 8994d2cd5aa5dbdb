// SPDX-License-Identifier: Apache-2.0

/// What a family's checkpoints call its tensors.
struct VisionTowerNames: Sendable {
  /// Of one block.
  struct Layer {
    let attentionNorm, query, key, value, output, feedForwardNorm, first, second: String
    /// Nil where nothing is scaled.
    let attentionScale, feedForwardScale: String?
  }

  private let family: VisionTowerConfiguration.Family
  /// Goes before every name of the tower.
  private let prefix: String

  /// - Parameter files: say which of the prefixes that transformers writes is theirs.
  init(_ family: VisionTowerConfiguration.Family, in files: WeightFiles) {
    let bare = VisionTowerNames(family, prefix: "")
    let prefixes = ["", family.usualPrefix]
    self.init(
      family, prefix: prefixes.first { files.tensors[$0 + bare.patchWeight] != nil } ?? family.usualPrefix)
  }

  private init(_ family: VisionTowerConfiguration.Family, prefix: String) {
    self.family = family
    self.prefix = prefix
  }

  var patchWeight: String { patch + ".weight" }
  var patchBias: String { patch + ".bias" }
  private var patch: String {
    prefix + (isCLIPLike ? "embeddings.patch_embedding" : "embeddings.patch_embeddings.projection")
  }
  var positions: String {
    prefix + (isCLIPLike ? "embeddings.position_embedding.weight" : "embeddings.position_embeddings")
  }
  var classToken: String { prefix + (isCLIPLike ? "embeddings.class_embedding" : "embeddings.cls_token") }
  var registers: String { prefix + "embeddings.register_tokens" }
  /// CLIP's own spelling.
  var preNorm: String { prefix + "pre_layrnorm" }
  var finalNorm: String { prefix + (isCLIPLike ? "post_layernorm" : "layernorm") }
  var head: String { prefix + "head" }
  var pooler: String { prefix + "pooler.dense" }
  /// Beside the tower, in the whole model and in `CLIPVisionModelWithProjection`.
  var projection: String { "visual_projection.weight" }

  func layer(_ index: Int) -> Layer {
    if isCLIPLike {
      let name = "\(prefix)encoder.layers.\(index)"
      return Layer(
        attentionNorm: "\(name).layer_norm1", query: "\(name).self_attn.q_proj", key: "\(name).self_attn.k_proj",
        value: "\(name).self_attn.v_proj", output: "\(name).self_attn.out_proj", feedForwardNorm: "\(name).layer_norm2",
        first: "\(name).mlp.fc1", second: "\(name).mlp.fc2", attentionScale: nil, feedForwardScale: nil)
    }
    let name = "\(prefix)encoder.layer.\(index)"
    let attention = "\(name).attention"
    let isViT = family == .vit
    return Layer(
      attentionNorm: "\(name).\(isViT ? "layernorm_before" : "norm1")", query: "\(attention).attention.query",
      key: "\(attention).attention.key", value: "\(attention).attention.value", output: "\(attention).output.dense",
      feedForwardNorm: "\(name).\(isViT ? "layernorm_after" : "norm2")",
      first: "\(name).\(isViT ? "intermediate.dense" : "mlp.fc1")",
      second: "\(name).\(isViT ? "output.dense" : "mlp.fc2")",
      attentionScale: isViT ? nil : "\(name).layer_scale1.lambda1",
      feedForwardScale: isViT ? nil : "\(name).layer_scale2.lambda1")
  }

  /// SigLIP's names are CLIP's.
  private var isCLIPLike: Bool { family == .siglip || family == .clip }
}

extension VisionTowerConfiguration.Family {
  /// In front of the names of a model that has more than the tower, and of every model of transformers before version 5.
  fileprivate var usualPrefix: String {
    switch self {
    case .siglip, .clip: "vision_model."
    case .dinov2: "dinov2."
    case .dinov2WithRegisters: "dinov2_with_registers."
    case .vit: "vit."
    }
  }
}
