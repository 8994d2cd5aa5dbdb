// SPDX-License-Identifier: Apache-2.0

/// What a decoder computes where it differs from the LLaMA of 2023; as it begins, it is that one.
///
/// A family (``DecoderFamily``) fills it in from a `config.json`. The LLM and its gradients read nothing else of the family.
package struct DecoderDescription: Sendable, Equatable {
  /// Where norms stand around a layer's two branches, attention and feed-forward.
  package enum NormPlace: Sendable, Equatable {
    case before
    case beforeAndAfter
    /// What a branch reads is not normed; what it gives is, before it joins the residual.
    case after
  }

  /// What of queries and keys is normed before they are rotated.
  package enum HeadNorm: Sendable, Equatable {
    case eachHead
    case allHeadsTogether
  }

  /// Of a feed-forward's gate.
  package enum Activation: Sendable, Equatable {
    case silu
    case geluTanh
  }

  /// How a layer's queries and keys are rotated.
  package enum Rotation: Sendable, Equatable {
    case global
    /// By ``DecoderDescription/localRope``.
    case local
    case none
  }

  package struct Layer: Sendable, Equatable {
    /// Positions that a query sees, its own included; nil for all before it.
    package var window: Int?
    package var rotation = Rotation.global
  }

  package var normPlace = NormPlace.before
  /// Whether the file holds the norms' weights less one.
  package var normsAddOne = false
  package var headNorm: HeadNorm?
  package var activation = Activation.silu
  /// Whether queries, keys and values have biases, but what attention gives has none.
  package var leavesOutputUnbiased = false
  /// Whether `qkv_proj` and `gate_up_proj` hold what others keep as matrices of their own.
  package var fusesProjections = false
  /// What scores are multiplied with; 1 / sqrt(E) when nil.
  package var queryScale: Float?
  package var attentionSoftCap: Float?
  /// Of the logits, which training alone reads.
  package var logitSoftCap: Float?
  /// What token embeddings are multiplied with; soft tokens and [REC] stand for their products.
  package var embeddingScale: Float = 1
  /// One for each layer; none when every layer sees all and is rotated.
  package var layers: [Layer] = []
  package var ropeScheme = RopeScheme.plain
  /// Of E, from the start of each head.
  package var rotatedFraction = 1.0
  /// Of the layers that say so.
  package var localRope: LocalRope?
  /// Positions beyond it would turn all positions by other angles: how far a sequence may go.
  package var positionLimit: Int?

  package struct LocalRope: Sendable, Equatable {
    package var base: Double
    /// Positions are divided by it.
    package var scaling: Double
    package var scheme: RopeScheme
  }

  package init() {}

  package func layer(_ index: Int) -> Layer { layers.isEmpty ? Layer() : layers[index] }

  /// Whether what a branch gives is normed.
  package var hasNormsAfter: Bool { normPlace != .before }
}

/// What becomes of a model's files when they are converted to GGUF, where a `config.json` has no words for it.
struct DecoderConversion: Sendable, Equatable {
  /// Whether norms that are kept less one were made whole.
  var addedOneToNorms = false
  /// What the frequencies of rotary positions are divided by, one for each pair of a head's elements.
  var frequencyDivisors: [Float]?
}
