// SPDX-License-Identifier: Apache-2.0

extension ImagePreprocessing {
  /// The files that may say how a tower's images are prepared, the first of which counts, as in transformers 5.
  static let fileNames = ["processor_config.json", "preprocessor_config.json"]

  /// Where `processor_config.json` has the image processor.
  private static let nestedKey = "image_processor"

  /// Reads how images are prepared for the tower in `directory`: `image_processor` of `processor_config.json`, which
  /// transformers 5 prefers, or `preprocessor_config.json`.
  ///
  /// - Parameter fallback: the processor of a file that names none.
  /// - Returns: the preparation and the file that says it.
  /// - Throws: `notFound`, `malformed` or `unsupported`; also where the two files say different things, because which of them
  ///   counts depends on the version of transformers.
  static func read(
    in directory: String, fallback: ImageProcessor
  ) throws(ModelError) -> (preprocessing: ImagePreprocessing, path: String) {
    let (whole, own) = ("\(directory)/\(fileNames[0])", "\(directory)/\(fileNames[1])")
    guard let nested = try Self.nested(in: whole, fallback) else {
      return (try ImagePreprocessing(configurationFile: own, fallback: fallback), own)
    }
    guard CheckpointLocation.exists(own) else { return (nested, whole) }
    try nested.requireSame(as: try ImagePreprocessing(configurationFile: own, fallback: fallback), whole, own)
    return (nested, whole)
  }

  /// Nil where there is no such file, or it holds no image processor, as those of earlier versions.
  private static func nested(
    in path: String, _ fallback: ImageProcessor
  ) throws(ModelError) -> ImagePreprocessing? {
    guard CheckpointLocation.exists(path) else { return nil }
    var keys = try Self.keys(try Self.contents(of: path), path)
    guard var processor = try keys.object(nestedKey) else { return nil }
    return try ImagePreprocessing(&processor, fallback)
  }

  private func requireSame(as other: ImagePreprocessing, _ whole: String, _ own: String) throws(ModelError) {
    let pairs: [(String, Bool)] = [
      ("size", resize == other.resize), ("crop_size", crop == other.crop), ("image_mean", mean == other.mean),
      ("image_std", std == other.std), ("rescale_factor", rescaleFactor == other.rescaleFactor),
      ("resample", resample == other.resample),
    ]
    let different = pairs.filter { !$0.1 }.map(\.0)
    guard !different.isEmpty else { return }
    throw ModelError(
      .malformed,
      "\(whole) and \(own) do not agree on \(different.joined(separator: ", ")), and which of them counts depends on the version of "
        + "transformers; take away the one that the tower was not trained with")
  }
}
