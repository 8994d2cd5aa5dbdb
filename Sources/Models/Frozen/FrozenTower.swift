// SPDX-License-Identifier: Apache-2.0

import Kernels

/// What all trainings over one vision tower share: its weights, packed once, the preparation of images, and the threads.
///
/// It never changes once it is loaded, and lives as long as an ``ImageModel`` that computes with it.
package final class FrozenTower: Sendable {
  /// Over the tower and its preprocessing: embeddings outlive trainings while it stays. The same in float32 and bfloat16.
  package let fingerprint: String
  /// Over the same, and what matrices are multiplied in: equal ones give equal embeddings.
  package let modelFingerprint: String
  package let arithmetic: MatrixArithmetic
  package let preprocessing: ImagePreprocessing
  let tower: VisionTowerModel
  let team: ComputeTeam
  let loading: LoadingOptions
  let knownDigests: FileDigests.Known
  private let part: FrozenPart

  /// Tokens that go through the tower together: the matrix products are at full speed and the values stay small.
  private static let tokensAtOnce = 3000

  /// Reads `vision_tower/`.
  ///
  /// - Parameters:
  ///   - threads: of the computation; one for each CPU of the process by default.
  ///   - loading: how the tower's matrices are kept, and who hears of loading.
  ///   - reading: how image files are read; embeddings of turned photos have a fingerprint of their own.
  package init(
    checkpoint: CheckpointLocation, threads: Int? = nil, loading: LoadingOptions = LoadingOptions(),
    reading: ImageReading = ImageReading()
  ) throws(ModelError) {
    let team = ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs)
    let configurationPath = checkpoint.visionTower + "/config.json"
    let shape = try VisionTowerConfiguration(path: configurationPath)
    let read = try ImagePreprocessing.read(in: checkpoint.visionTower, fallback: shape.family.imageProcessor)
    let preprocessingPath = read.path
    var preprocessing = read.preprocessing
    preprocessing.reading = reading
    self.preprocessing = preprocessing
    let configuration = try shape.reading(preprocessing, preprocessingPath: preprocessingPath)
    configuration.unknownKeys.report(to: loading)
    UnknownKeys(path: preprocessingPath, keys: preprocessing.unknownKeys).report(to: loading)

    let files = try WeightFiles(directory: checkpoint.visionTower)
    let digests = FileDigests(directory: loading.packedCache, on: team)
    let packer = try MatrixPacker(part: "vision-tower", of: files, loading, digests: digests, on: team)
    var loader = WeightLoader(files, packer: packer, on: team)
    tower = VisionTowerModel(configuration, &loader, VisionTowerNames(configuration.family, in: files), team: team)
    try loader.finish(expectation: configurationPath)
    packer.save()

    self.team = team
    self.loading = loading
    arithmetic = MatrixArithmetic(loading)
    part = try Self.part(checkpoint, files, digests)
    let contents = Self.files(checkpoint, files)
    fingerprint = try contents.digest(digests, extra: arithmetic.towerSuffix + reading.fingerprintSuffix)
    modelFingerprint = try contents.digest(digests, extra: arithmetic.fingerprintSuffix + reading.fingerprintSuffix)
    digests.save()
    knownDigests = digests.known
  }

  /// v.
  package var embeddingDim: Int { tower.embeddingDim }

  /// The vision tower's embeddings, not normalised: [B, v].
  package func embeddings(of images: [PreparedImage]) throws(ModelError) -> Matrix {
    let size = tower.configuration.inputSize
    if let index = images.firstIndex(where: { $0.height != size || $0.width != size }) {
      throw ModelError(
        .invalidInput,
        "image \(index) was prepared as \(images[index].width) x \(images[index].height); the tower takes \(size) x \(size)"
      )
    }
    var values: [Float] = []
    values.reserveCapacity(images.count * embeddingDim)
    let imagesAtOnce = max(1, Self.tokensAtOnce / tower.configuration.tokens)
    for start in stride(from: 0, to: images.count, by: imagesAtOnce) {
      let batch = images[start..<min(start + imagesAtOnce, images.count)]
      values += tower.embed(batch.map(\.values)).values
    }
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw ModelError(
        .notFinite, "the embedding of image \(index / embeddingDim) is NaN or infinite; check the tower's weights")
    }
    return Matrix(rows: images.count, columns: embeddingDim, values: values)
  }

  /// - Throws: `.frozenPartMismatch` unless the tower of `checkpoint` is this one.
  func require(_ checkpoint: CheckpointLocation, _ files: WeightFiles, _ digests: FileDigests) throws(ModelError) {
    try part.require(try Self.part(checkpoint, files, digests), in: checkpoint.directory)
  }

  /// Files of the tower and its preprocessing.
  static func files(_ checkpoint: CheckpointLocation, _ weights: WeightFiles) -> Fingerprint {
    var files = Fingerprint()
    files.add(
      existing: (["config.json"] + ImagePreprocessing.fileNames).map { "\(checkpoint.visionTower)/\($0)" },
      part: "vision_tower")
    for path in weights.paths { files.add(path, part: "vision_tower") }
    return files
  }

  private static func part(
    _ checkpoint: CheckpointLocation, _ weights: WeightFiles, _ digests: FileDigests
  ) throws(ModelError) -> FrozenPart {
    FrozenPart(name: "vision tower", contents: try files(checkpoint, weights).fileDigests(digests))
  }
}
