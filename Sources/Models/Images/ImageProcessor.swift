// SPDX-License-Identifier: Apache-2.0

/// Hugging Face's image processors whose steps are computed: resize, crop, scale, normalise. They differ in what they do where
/// `preprocessor_config.json` says nothing, and in what a size of one number means.
enum ImageProcessor: CaseIterable {
  case siglip
  case clip
  /// DINOv2's.
  case bit
  case vit

  /// - Parameter name: a class of transformers, as `image_processor_type` and `feature_extractor_type` have it.
  init?(className name: String) {
    guard let processor = Self.allCases.first(where: { $0.classNames.contains(name) }) else { return nil }
    self = processor
  }

  private var classNames: [String] {
    let stem =
      switch self {
      case .siglip: "Siglip"
      case .clip: "CLIP"
      case .bit: "Bit"
      case .vit: "ViT"
      }
    return ["ImageProcessor", "ImageProcessorFast", "ImageProcessorPil", "FeatureExtractor", "Processor"]
      .map { stem + $0 }
  }

  /// Whether the resized image is cropped unless the file says that it is not.
  var crops: Bool { self == .clip || self == .bit }

  /// What a size of one number means; nil where versions of transformers do not agree.
  func resize(to size: Int) -> ImagePreprocessing.Resize? {
    switch self {
    case .siglip: nil
    case .clip, .bit: .shortestEdge(size)
    case .vit: .exact(height: size, width: size)
    }
  }

  /// Without `size`; nil where it must be there.
  var defaultResize: ImagePreprocessing.Resize? {
    switch self {
    case .siglip: nil
    case .clip, .bit: .shortestEdge(224)
    case .vit: .exact(height: 224, width: 224)
    }
  }

  var defaultMean: [Float] { crops ? [0.48145466, 0.4578275, 0.40821073] : [0.5, 0.5, 0.5] }
  var defaultDeviation: [Float] { crops ? [0.26862954, 0.26130258, 0.27577711] : [0.5, 0.5, 0.5] }
  var defaultKernel: ImagePreprocessing.Kernel { self == .vit ? .bilinear : .bicubic }
}
