// SPDX-License-Identifier: Apache-2.0

import Basics

extension ImagePreprocessing {
  /// Reads a checkpoint's `preprocessor_config.json`, as Hugging Face's image processors write it.
  ///
  /// - Parameter path: of the file.
  /// - Throws: `notFound`, `malformed` or `unsupported`, naming the file and the field.
  package init(configurationFile path: String) throws(ModelError) {
    let file: CheckpointFile
    do {
      file = try CheckpointFile(path: path, maxBytes: CheckpointFile.maxCopiedBytes)
    } catch {
      throw ModelError(
        error.code,
        "\(path) cannot be read. The checkpoint's vision_tower needs it to know how images are prepared.",
        cause: error)
    }
    try self.init(configuration: file.withBytes { [UInt8]($0) }, name: path)
  }

  /// Reads the JSON of a `preprocessor_config.json`; `name` stands for it in errors.
  package init(configuration json: [UInt8], name: String) throws(ModelError) {
    let value: JSONValue
    do {
      value = try JSONText.value(json)
    } catch {
      throw ModelError(.malformed, "\(name) is not the configuration of an image processor.", cause: error)
    }
    var keys = try ConfigurationKeys(value, path: name)
    try self.init(&keys)
  }

  private init(_ keys: inout ConfigurationKeys) throws(ModelError) {
    try Self.refuseOthers(&keys)
    let name = keys.path
    let size = try Self.size(&keys)
    let normalizes = try Self.step("do_normalize", &keys)
    let (mean, std) = (try Self.channels("image_mean", &keys), try Self.channels("image_std", &keys, allowsZero: false))
    let rescales = try Self.step("do_rescale", &keys)
    let factor = try keys.number("rescale_factor") ?? 1.0 / 255.0
    guard factor.isFinite else { throw ModelError(.malformed, "\(name): rescale_factor is \(factor).") }
    self.init(
      height: size.height, width: size.width, mean: normalizes ? mean : [0, 0, 0], std: normalizes ? std : [1, 1, 1],
      rescaleFactor: rescales ? factor : 1, resample: try Self.kernel(&keys))
    unknownKeys = keys.unknown(besides: Self.harmlessKeys)
  }

  /// A tower's input never needs more, and a wrong number must not take the memory of a wall.
  private static let maxSize = 4096

  private static func size(_ keys: inout ConfigurationKeys) throws(ModelError) -> (height: Int, width: Int) {
    let name = keys.path
    guard try step("do_resize", &keys), keys.has("size") else {
      throw ModelError(.unsupported, "\(name): do_resize must be true and size must say the tower's height and width.")
    }
    guard case .object? = keys.value("size"), var size = try keys.object("size"), size.has("height"), size.has("width"),
      size.unknown(besides: ["height", "width"]).isEmpty
    else {
      throw keys.refusal(
        of: "size",
        "only {\"height\": …, \"width\": …} is computed: a resize straight to it, whatever the image's aspect ratio")
    }
    let (height, width) = (try size.required("height"), try size.required("width"))
    guard (1...maxSize).contains(height), (1...maxSize).contains(width) else {
      throw ModelError(.unsupported, "\(name): size is \(height) x \(width); each side must be 1 to \(maxSize).")
    }
    return (height, width)
  }

  /// A step that is done unless the file turns it off. What null means depends on the version of transformers.
  private static func step(_ key: String, _ keys: inout ConfigurationKeys) throws(ModelError) -> Bool {
    guard !keys.isNull(key) else { throw keys.refusal(of: key, "say true or false") }
    return try keys.flag(key) ?? true
  }

  private static func kernel(_ keys: inout ConfigurationKeys) throws(ModelError) -> Kernel {
    let number = try keys.integer("resample") ?? Kernel.bicubic.rawValue
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
  ) throws(ModelError) -> [Float] {
    let values = try keys.numbers(key)?.map { Float($0) } ?? [0.5, 0.5, 0.5]
    guard values.count == 3, values.allSatisfy({ $0.isFinite && (allowsZero || $0 != 0) }) else {
      throw ModelError(
        .malformed,
        "\(keys.path): \(key) is \(values); it must be three finite numbers\(allowsZero ? "" : " other than 0").")
    }
    return values
  }

  // MARK: - Other processors

  /// Processors whose images are prepared by these steps and with these defaults.
  private static let processors: Set<String> = ["SiglipImageProcessor", "SiglipImageProcessorFast", "SiglipProcessor"]

  /// Steps of other processors, with the value that leaves them out.
  private static let fixedKeys = [
    FixedKey("do_center_crop", .bool(false)), FixedKey("do_pad", .bool(false)), FixedKey("do_thumbnail", .bool(false)),
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
    for key in ["image_processor_type", "feature_extractor_type"] {
      if let type = try keys.text(key), !processors.contains(type) {
        throw keys.refusal(
          of: key, "only SiglipImageProcessor is computed; others resize, crop and normalise in other ways")
      }
    }
    for fixed in fixedKeys { try keys.require(fixed) }
  }
}
