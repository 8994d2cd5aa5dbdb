// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Models

@Suite("A tower's configuration is its family's") struct VisionTowerConfigurationTests {
  private func configuration(_ json: String) throws -> VisionTowerConfiguration {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    return try VisionTowerConfiguration(path: try directory.write(json, to: "config.json"))
  }

  /// Defaults of transformers' configuration classes.
  @Test(
    arguments: [
      (#"{"model_type": "siglip_vision_model"}"#, .siglip, 16, 196, 1e-6, .tanhGELU),
      (#"{"model_type": "siglip", "vision_config": {"patch_size": 14}}"#, .siglip, 14, 256, 1e-6, .tanhGELU),
      (#"{"model_type": "clip_vision_model"}"#, .clip, 32, 50, 1e-5, .quickGELU),
      (
        #"{"model_type": "clip", "projection_dim": 512, "vision_config": {"hidden_act": "gelu"}}"#, .clip, 32, 50, 1e-5,
        .exactGELU
      ),
      (#"{"model_type": "dinov2", "patch_size": 14}"#, .dinov2, 14, 257, 1e-6, .exactGELU),
      (#"{"model_type": "dinov2_with_registers", "patch_size": 14}"#, .dinov2WithRegisters, 14, 261, 1e-6, .exactGELU),
      (#"{"model_type": "vit"}"#, .vit, 16, 197, 1e-12, .exactGELU),
    ] as [(String, VisionTowerConfiguration.Family, Int, Int, Float, VisionTowerConfiguration.Activation)])
  func `What a file leaves out is the family's`(
    json: String, family: VisionTowerConfiguration.Family, patchSize: Int, tokens: Int, epsilon: Float,
    activation: VisionTowerConfiguration.Activation
  ) throws {
    let read = try configuration(json)
    #expect(read.family == family && read.patchSize == patchSize && read.tokens == tokens)
    #expect(read.normEpsilon == epsilon && read.activation == activation)
    #expect(read.width == 768 && read.layers == 12 && read.feedForwardWidth == 3072 && read.unknownKeys.keys.isEmpty)
  }

  @Test(arguments: [
    (#"{"model_type": "siglip2_vision_model"}"#, "NaFlex"), (#"{"model_type": "blip"}"#, "blip"),
    (#"{"model_type": "dinov2", "patch_size": 14, "use_swiglu_ffn": true}"#, "use_swiglu_ffn"),
    (#"{"model_type": "vit", "qkv_bias": false}"#, "qkv_bias"),
    (#"{"model_type": "vit", "pooler_act": "relu"}"#, "pooler_act"),
    (#"{"model_type": "clip_vision_model", "hidden_act": "silu"}"#, "silu"),
    (#"{"model_type": "siglip", "vision_config": {"hidden_act": "quick_gelu"}}"#, "quick_gelu"),
  ])
  func `What is not computed is refused by its key`(json: String, mention: String) {
    let error = #expect(throws: ModelError.self) { try configuration(json) }
    #expect(error?.code == .unsupported && error?.message.contains(mention) == true)
  }

  /// transformers makes a CLIP's vision model of `vision_config_dict` where there is one.
  @Test func `What would replace a CLIP's configuration counts alone, says the same, or is refused`() throws {
    let inner = #""vision_config": {"hidden_act": "quick_gelu", "hidden_size": 96}"#
    let same = #"{"model_type": "clip", \#(inner), "vision_config_dict": {"hidden_size": 96}}"#
    #expect(try configuration(same).width == 96)
    #expect(try configuration(#"{"model_type": "clip", \#(inner), "vision_config_dict": null}"#).width == 96)
    let alone = try configuration(#"{"model_type": "clip", "vision_config_dict": {"hidden_act": "gelu"}}"#)
    #expect(alone.activation == .exactGELU)
    for (other, mention) in [
      (#"{"hidden_size": 96, "hidden_act": "gelu"}"#, "hidden_act is quick_gelu, and gelu by vision_config_dict"),
      ("{}", "hidden_size is 96, and 768 by vision_config_dict"),
    ] {
      let json = #"{"model_type": "clip", \#(inner), "vision_config_dict": \#(other)}"#
      let error = #expect(throws: ModelError.self) { try configuration(json) }
      #expect(error?.code == .malformed && error?.message.contains(mention) == true, "\(error?.message ?? "")")
    }
  }

  @Test func `DINOv2 without a patch size is refused, for versions of transformers do not agree on it`() {
    let error = #expect(throws: ModelError.self) { try configuration(#"{"model_type": "dinov2"}"#) }
    #expect(error?.code == .malformed && error?.message.contains("patch_size") == true)
  }

  // MARK: - Preparation

  private func preparation(_ json: String, _ processor: ImageProcessor) throws(ModelError) -> ImagePreprocessing {
    try ImagePreprocessing(configuration: Array(json.utf8), name: "preprocessor_config.json", fallback: processor)
  }

  /// As they stand in the published checkpoints of openai/clip-vit-base-patch32, facebook/dinov2-base and
  /// google/vit-base-patch16-224.
  @Test func `Published files are read`() throws {
    let clip = try preparation(
      #"{"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true, "size": 224, "resample": 3, "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}"#,
      .siglip)
    #expect(clip.resize == .shortestEdge(224) && clip.height == 224 && clip.width == 224 && clip.resample == .bicubic)
    let dino = try preparation(
      #"{"crop_size": {"height": 224, "width": 224}, "do_center_crop": true, "do_convert_rgb": true, "image_mean": [0.485, 0.456, 0.406], "image_processor_type": "BitImageProcessor", "image_std": [0.229, 0.224, 0.225], "resample": 3, "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 256}}"#,
      .siglip)
    #expect(dino.resize == .shortestEdge(256) && dino.height == 224 && dino.mean == [0.485, 0.456, 0.406])
    let vit = try preparation(
      #"{"image_processor_type": "ViTFeatureExtractor", "size": {"height": 224, "width": 224}, "resample": 2}"#, .siglip
    )
    #expect(vit.resize == .exact(height: 224, width: 224) && vit.crop == nil && vit.resample == .bilinear)
  }

  @Test func `A file that names no processor has the family's`() throws {
    #expect(try preparation("{}", .clip).resize == .shortestEdge(224))
    #expect(try preparation("{}", .clip).mean == [0.48145466, 0.4578275, 0.40821073])
    #expect(try preparation(#"{"size": 64}"#, .vit).resize == .exact(height: 64, width: 64))
    #expect(try preparation("{}", .vit).resample == .bilinear)
  }

  @Test(arguments: [
    (#"{"size": 200}"#, "crop_size is 224 x 224"), (#"{"do_center_crop": false}"#, "shortest edge"),
    (#"{"size": {"shortest_edge": 224, "longest_edge": 500}}"#, "longest_edge"),
    (#"{"crop_size": "big"}"#, "crop_size"),
    (#"{"do_pad": true}"#, "do_pad"),
  ])
  func `Preparations that are not computed are refused by name`(json: String, mention: String) {
    let error = #expect(throws: ModelError.self) { try preparation(json, .clip) }
    #expect(error?.code == .unsupported && error?.message.contains(mention) == true, "\(error?.message ?? "")")
  }

  /// The longer side is cut to a whole number, and of an odd rest the smaller half is left and on top, as in transformers.
  @Test func `The middle is cut out of an image that keeps its aspect ratio`() throws {
    let preprocessing = try preparation(
      #"{"size": 4, "crop_size": 4, "do_normalize": false, "do_rescale": false}"#, .clip)
    #expect(preprocessing.resize.size(ofWidth: 7, height: 3) == .init(height: 4, width: 9))
    #expect(preprocessing.resize.size(ofWidth: 3, height: 7) == .init(height: 9, width: 4))
    let image = RGBImage(width: 9, height: 4, pixels: (0..<36).flatMap { [UInt8($0), 0, 0] })
    let cut = try preprocessing.resized(image)
    #expect(cut.width == 4 && cut.height == 4)
    #expect(stride(from: 0, to: 12, by: 3).map { cut.pixels[$0] } == [2, 3, 4, 5])
  }

  @Test func `An image so long that it would be resized to a wall is refused`() throws {
    let preprocessing = try preparation("{}", .clip)
    let png = PNGBuilder(width: 9_000, height: 1, rows: [[UInt8](repeating: 7, count: 27_000)]).build()
    do throws(ImageError) {
      _ = try png.withRawBytes { bytes throws(ImageError) in try preprocessing.prepare(encoded: bytes) }
      Issue.record("it was prepared")
    } catch {
      #expect(error.code == .tooManyPixels && error.message.contains("2016000 x 224"), "\(error.message)")
    }
  }

  /// transformers 5 heeds `default_to_square`, and version 4 does not.
  @Test func `A size of one number that versions of transformers read in two ways is refused`() throws {
    for (isSquare, processor) in [(true, ImageProcessor.clip), (true, .bit), (false, .vit)] {
      let json = #"{"size": 64, "default_to_square": \#(isSquare), "crop_size": 64}"#
      let error = #expect(throws: ModelError.self) { try preparation(json, processor) }
      #expect(error?.message.contains("default_to_square is \(isSquare)") == true, "\(error?.message ?? "")")
    }
    let usual = #"{"size": 64, "default_to_square": false, "crop_size": 64}"#
    #expect(try preparation(usual, .clip).resize == .shortestEdge(64))
    let stated = #"{"size": {"shortest_edge": 64}, "default_to_square": true, "crop_size": 64}"#
    #expect(try preparation(stated, .clip).resize == .shortestEdge(64))
  }
}
