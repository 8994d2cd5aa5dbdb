// SPDX-License-Identifier: Apache-2.0

import Foundation

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
    let stored: StoredConfiguration
    do {
      stored = try JSONDecoder().decode(StoredConfiguration.self, from: Data(json))
    } catch {
      throw ModelError(.malformed, "\(name) is not the configuration of an image processor.", cause: error)
    }
    try self.init(stored, name: name)
  }

  private init(_ stored: StoredConfiguration, name: String) throws(ModelError) {
    guard stored.doResize ?? true, let size = stored.size else {
      throw ModelError(
        .unsupported, "\(name): do_resize must be true and size must say the tower's height and width.")
    }
    guard (1...Self.maxSize).contains(size.height), (1...Self.maxSize).contains(size.width) else {
      throw ModelError(
        .unsupported, "\(name): size is \(size.height) x \(size.width); each side must be 1 to \(Self.maxSize).")
    }
    let number = stored.resample ?? Kernel.bicubic.rawValue
    guard let kernel = Kernel(rawValue: number) else {
      throw ModelError(
        .unsupported,
        "\(name): resample is \(number); supported are 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box), 5 (hamming).")
    }
    let normalizes = stored.doNormalize ?? true
    self.init(
      height: size.height, width: size.width,
      mean: normalizes ? try Self.channels(stored.imageMean, "image_mean", name) : [0, 0, 0],
      std: normalizes ? try Self.channels(stored.imageStd, "image_std", name, allowsZero: false) : [1, 1, 1],
      rescaleFactor: try Self.factor(stored, name), resample: kernel)
  }

  /// A tower's input never needs more, and a wrong number must not take the memory of a wall.
  private static let maxSize = 4096

  private static func channels(
    _ values: [Float]?, _ field: String, _ name: String, allowsZero: Bool = true
  ) throws(ModelError) -> [Float] {
    let values = values ?? [0.5, 0.5, 0.5]
    guard values.count == 3, values.allSatisfy({ $0.isFinite && (allowsZero || $0 != 0) }) else {
      throw ModelError(
        .malformed,
        "\(name): \(field) is \(values); it must be three finite numbers\(allowsZero ? "" : " other than 0").")
    }
    return values
  }

  private static func factor(_ stored: StoredConfiguration, _ name: String) throws(ModelError) -> Double {
    guard stored.doRescale ?? true else { return 1 }
    let factor = stored.rescaleFactor ?? 1.0 / 255.0
    guard factor.isFinite else { throw ModelError(.malformed, "\(name): rescale_factor is \(factor).") }
    return factor
  }
}

/// The fields of `preprocessor_config.json` that say what to compute.
private struct StoredConfiguration: Decodable {
  struct Size: Decodable {
    var height: Int
    var width: Int
  }

  var doResize: Bool?
  var doRescale: Bool?
  var doNormalize: Bool?
  var size: Size?
  var resample: Int?
  var rescaleFactor: Double?
  var imageMean: [Float]?
  var imageStd: [Float]?

  enum CodingKeys: String, CodingKey {
    case doResize = "do_resize"
    case doRescale = "do_rescale"
    case doNormalize = "do_normalize"
    case size
    case resample
    case rescaleFactor = "rescale_factor"
    case imageMean = "image_mean"
    case imageStd = "image_std"
  }
}
