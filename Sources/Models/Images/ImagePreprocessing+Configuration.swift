// SPDX-License-Identifier: Apache-2.0

import Basics

extension ImagePreprocessing {
  /// Reads a checkpoint's `preprocessor_config.json`, as Hugging Face's image processors write it.
  ///
  /// - Parameters:
  ///   - path: of the file.
  ///   - fallback: the processor of a file that names none.
  /// - Throws: `notFound`, `malformed` or `unsupported`, naming the file and the field.
  init(configurationFile path: String, fallback: ImageProcessor = .siglip) throws(ModelError) {
    try self.init(configuration: try Self.contents(of: path), name: path, fallback: fallback)
  }

  static func contents(of path: String) throws(ModelError) -> [UInt8] {
    let file: CheckpointFile
    do {
      file = try CheckpointFile(path: path, maxBytes: CheckpointFile.maxCopiedBytes)
    } catch {
      throw ModelError(
        error.code,
        "\(path) cannot be read. The checkpoint's vision_tower needs it to know how images are prepared.",
        cause: error)
    }
    return file.withBytes { [UInt8]($0) }
  }

  /// Reads the JSON of a `preprocessor_config.json`; `name` stands for it in errors.
  init(
    configuration json: [UInt8], name: String, fallback: ImageProcessor = .siglip
  ) throws(ModelError) {
    var keys = try Self.keys(json, name)
    try self.init(&keys, fallback)
  }

  static func keys(_ json: [UInt8], _ name: String) throws(ModelError) -> ConfigurationKeys {
    let value: JSONValue
    do {
      value = try JSONText.value(json)
    } catch {
      throw ModelError(.malformed, "\(name) is not the configuration of an image processor.", cause: error)
    }
    return try ConfigurationKeys(value, path: name)
  }

  init(_ keys: inout ConfigurationKeys, _ fallback: ImageProcessor) throws(ModelError) {
    let processor = try Self.processor(&keys) ?? fallback
    let name = keys.path
    let resize = try Self.resize(&keys, processor)
    let crop = try Self.crop(&keys, processor)
    try Self.refuseOthers(&keys)
    try Self.check(resize, crop, name)
    let normalizes = try Self.step("do_normalize", &keys)
    let mean = try Self.channels("image_mean", &keys) ?? processor.defaultMean
    let std = try Self.channels("image_std", &keys, allowsZero: false) ?? processor.defaultDeviation
    let rescales = try Self.step("do_rescale", &keys)
    let factor = try keys.number("rescale_factor") ?? 1.0 / 255.0
    guard factor.isFinite else { throw ModelError(.malformed, "\(name): rescale_factor is \(factor).") }
    self.init(
      resize: resize, crop: crop, mean: normalizes ? mean : [0, 0, 0], std: normalizes ? std : [1, 1, 1],
      rescaleFactor: rescales ? factor : 1, resample: try Self.kernel(&keys) ?? processor.defaultKernel)
    unknownKeys = keys.unknown(besides: Self.harmlessKeys)
  }

  /// The processor that the file names, or nil.
  private static func processor(_ keys: inout ConfigurationKeys) throws(ModelError) -> ImageProcessor? {
    var named: ImageProcessor?
    for key in ["feature_extractor_type", "image_processor_type"] {
      guard let type = try keys.text(key) else { continue }
      guard let processor = ImageProcessor(className: type) else {
        throw keys.refusal(
          of: key,
          "those of SigLIP, CLIP, ViT and BiT (which is DINOv2's) are computed; others resize, crop and normalise in other ways"
        )
      }
      named = processor
    }
    return named
  }

  // MARK: - Sizes

  /// A tower's input never needs more, and a wrong number must not take the memory of a wall.
  private static let maxSize = 4096

  private static func resize(
    _ keys: inout ConfigurationKeys, _ processor: ImageProcessor
  ) throws(ModelError) -> Resize {
    let resizes = try step("do_resize", &keys)
    guard resizes, keys.has("size") || processor.defaultResize != nil else {
      throw ModelError(
        .unsupported, "\(keys.path): do_resize must be true and size must say the tower's height and width.")
    }
    switch keys.value("size") {
    case nil:
      if let resize = processor.defaultResize { return resize }
    case .number?:
      try requireUsualShape(&keys, processor)
      if let size = try keys.integer("size"), let resize = processor.resize(to: size) { return resize }
    case .object?:
      if var size = try keys.object("size"), let resize = try sides(&size, processor) { return resize }
    default: break
    }
    throw keys.refusal(
      of: "size",
      processor.crops
        ? "only a number, {\"shortest_edge\": …} and {\"height\": …, \"width\": …} are computed"
        : "only {\"height\": …, \"width\": …} is computed: a resize straight to it, whatever the image's aspect ratio")
  }

  /// Refuses a `default_to_square` that says otherwise what a size of one number means: transformers 5 heeds it, and 4 does not.
  private static func requireUsualShape(
    _ keys: inout ConfigurationKeys, _ processor: ImageProcessor
  ) throws(ModelError) {
    guard let isSquare = try keys.flag("default_to_square"), isSquare == processor.crops else { return }
    throw keys.refusal(
      of: "default_to_square",
      "versions of transformers do not agree on a size of one number then; write it as {\"height\": …, \"width\": …} or "
        + "{\"shortest_edge\": …}")
  }

  /// Nil for sides that mean something else.
  private static func sides(
    _ size: inout ConfigurationKeys, _ processor: ImageProcessor
  ) throws(ModelError) -> Resize? {
    if size.unknown(besides: ["height", "width"]).isEmpty, size.has("height"), size.has("width") {
      return .exact(height: try size.required("height"), width: try size.required("width"))
    }
    guard processor.crops, size.unknown(besides: ["shortest_edge"]).isEmpty, size.has("shortest_edge") else {
      return nil
    }
    return .shortestEdge(try size.required("shortest_edge"))
  }

  private static func crop(
    _ keys: inout ConfigurationKeys, _ processor: ImageProcessor
  ) throws(ModelError) -> Size? {
    guard processor.crops else {
      try keys.require(FixedKey("do_center_crop", .bool(false)))
      return nil
    }
    guard try step("do_center_crop", &keys) else { return nil }
    switch keys.value("crop_size") {
    case nil: return Size(height: 224, width: 224)
    case .number?:
      if let side = try keys.integer("crop_size") { return Size(height: side, width: side) }
    case .object?:
      if var size = try keys.object("crop_size"), size.unknown(besides: ["height", "width"]).isEmpty {
        return Size(height: try size.required("height"), width: try size.required("width"))
      }
    default: break
    }
    throw keys.refusal(of: "crop_size", "only a number and {\"height\": …, \"width\": …} are computed")
  }

  private static func check(_ resize: Resize, _ crop: Size?, _ name: String) throws(ModelError) {
    let least = resize.least
    for (key, size) in [("size", least), ("crop_size", crop ?? least)] {
      guard (1...maxSize).contains(size.height), (1...maxSize).contains(size.width) else {
        throw ModelError(
          .unsupported, "\(name): \(key) is \(size.height) x \(size.width); each side must be 1 to \(maxSize).")
      }
    }
    if let crop, crop.height > least.height || crop.width > least.width {
      throw ModelError(
        .unsupported,
        "\(name): crop_size is \(crop.height) x \(crop.width), and images are resized to \(least.height) x \(least.width); "
          + "the edge that transformers would add is not computed.")
    }
    if crop == nil, case .shortestEdge(let edge) = resize {
      throw ModelError(
        .unsupported,
        "\(name): size is the shortest edge, \(edge), and do_center_crop is false; images of many shapes are not computed, "
          + "for a tower takes one.")
    }
  }

  /// A step that is done unless the file turns it off. What null means depends on the version of transformers.
  private static func step(_ key: String, _ keys: inout ConfigurationKeys) throws(ModelError) -> Bool {
    guard !keys.isNull(key) else { throw keys.refusal(of: key, "say true or false") }
    return try keys.flag(key) ?? true
  }

  private static func kernel(_ keys: inout ConfigurationKeys) throws(ModelError) -> Kernel? {
    guard let number = try keys.integer("resample") else { return nil }
    guard let kernel = Kernel(rawValue: number) else {
      throw ModelError(
        .unsupported,
        "\(keys.path): resample is \(number); supported are 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box), 5 (hamming)."
      )
    }
    return kernel
  }

  private static func channels(
    _ key: String, _ keys: inout ConfigurationKeys, allowsZero: Bool = true
  ) throws(ModelError) -> [Float]? {
    guard let values = try keys.numbers(key)?.map({ Float($0) }) else { return nil }
    guard values.count == 3, values.allSatisfy({ $0.isFinite && (allowsZero || $0 != 0) }) else {
      throw ModelError(
        .malformed,
        "\(keys.path): \(key) is \(values); it must be three finite numbers\(allowsZero ? "" : " other than 0").")
    }
    return values
  }

  // MARK: - Other processors

  /// Steps of other processors, with the value that leaves them out.
  private static let fixedKeys = [
    FixedKey("do_pad", .bool(false)), FixedKey("do_thumbnail", .bool(false)),
    FixedKey("do_align_long_axis", .bool(false)), FixedKey("do_flip_channel_order", .bool(false)),
    FixedKey("do_crop_margin", .bool(false)), FixedKey("do_grayscale", .bool(false)),
    FixedKey("do_image_splitting", .bool(false)), FixedKey("do_reduce_labels", .bool(false)),
    FixedKey("size_divisor", .null), FixedKey("crop_pct", .null), FixedKey("max_num_patches", .null),
    FixedKey("offset", .bool(false)), FixedKey("rescale_offset", .bool(false)),
    FixedKey("data_format", .string("channels_first"), .string("ChannelDimension.FIRST")),
    FixedKey("input_data_format", .null),
  ]

  /// Keys that pixels do not depend on. Every image is converted to RGB; `crop_size` and `pad_size` belong to steps that are
  /// refused.
  private static let harmlessKeys: Set<String> = [
    "do_convert_rgb", "processor_class", "default_to_square", "crop_size", "pad_size", "return_tensors", "device",
    "disable_grouping", "image_seq_length", "_valid_processor_keys", "auto_map", "transformers_version",
  ]

  private static func refuseOthers(_ keys: inout ConfigurationKeys) throws(ModelError) {
    for fixed in fixedKeys { try keys.require(fixed) }
  }
}
