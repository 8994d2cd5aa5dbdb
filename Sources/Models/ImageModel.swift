// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Everything that turns item images into vectors: vision tower, adaptor and the items' projections.
///
/// Its methods compute on the calling thread and the model's own threads, and block until they are done: call them from
/// a compute worker. Calls from several threads wait for each other.
package final class ImageModel: Sendable {
  package let fingerprints: ModelFingerprints
  /// What the vision tower's matrices are multiplied in.
  package let arithmetic: MatrixArithmetic
  /// Spaces in use, in the order of their blocks.
  package let spaces: [Space]
  package let preprocessing: ImagePreprocessing
  /// v.
  package let embeddingDim: Int
  /// d.
  package let softTokenDim: Int
  /// p.
  package let spaceDim: Int

  private let tower: SiglipVisionModel
  private let adaptor: Adaptor
  private let projections: [(space: Space, projection: SpaceProjection)]
  private let team: ComputeTeam

  /// Patches that go through the tower together: the matrix products are at full speed and the values stay small.
  private static let patchesAtOnce = 3000

  /// Reads `vision_tower/` and `rec_module/`.
  ///
  /// - Parameters:
  ///   - threads: of the computation; one for each CPU of the process by default.
  ///   - loading: how the tower's matrices are kept, and who hears of loading.
  package init(
    checkpoint: CheckpointLocation, spaces: [Space], threads: Int? = nil, loading: LoadingOptions = LoadingOptions()
  ) throws(ModelError) {
    let spaces = try Space.blockOrder(spaces)
    let team = ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs)
    let configurationPath = checkpoint.visionTower + "/config.json"
    let configuration = try SiglipConfiguration(path: configurationPath)
    let preprocessing = try Self.preprocessing(checkpoint, configuration)

    let towerFiles = try WeightFiles(directory: checkpoint.visionTower)
    let digests = FileDigests(directory: loading.packedCache, on: team)
    let packer = try MatrixPacker(part: "vision-tower", of: towerFiles, loading, digests: digests, on: team)
    var towerLoader = WeightLoader(towerFiles, prefix: Self.towerPrefix(towerFiles), packer: packer, on: team)
    tower = SiglipVisionModel(configuration, &towerLoader, team: team)
    try towerLoader.finish(expectation: configurationPath)
    packer.save()

    let recFiles = try WeightFiles(directory: checkpoint.recModule)
    var loader = WeightLoader(recFiles, on: team)
    adaptor = Adaptor(&loader, embeddingDim: configuration.width)
    var projections: [(space: Space, projection: SpaceProjection)] = []
    for space in spaces {
      let projection = SpaceProjection(
        &loader, .item, space, inputDim: space == .image ? configuration.width : nil,
        spaceDim: projections.first?.projection.spaceDim)
      projections.append((space, projection))
    }
    try loader.finish(expectation: "the published layout with \(configurationPath)")

    self.spaces = spaces
    self.preprocessing = preprocessing
    self.projections = projections
    self.team = team
    embeddingDim = configuration.width
    softTokenDim = adaptor.softTokenDim
    spaceDim = projections[0].projection.spaceDim
    arithmetic = MatrixArithmetic(loading)
    fingerprints = try Self.fingerprints(
      checkpoint, tower: towerFiles, recModule: recFiles, spaces: spaces, arithmetic, digests)
    digests.save()
  }

  /// What a tower's tensor names begin with: `vision_model.`, or nothing in what transformers from version 5 on writes.
  private static func towerPrefix(_ files: WeightFiles) -> String {
    files.tensors["embeddings.patch_embedding.weight"] == nil ? "vision_model." : ""
  }

  /// Length of an item vector: p for each space in use.
  package var itemVectorDim: Int { spaceDim * spaces.count }
  /// Length of a collaborative-filtering feature, 0 when its space is not in use.
  package var cfFeatureDim: Int { featureDim(.cf) }
  /// Length of a text feature, 0 when its space is not in use.
  package var textFeatureDim: Int { featureDim(.text) }

  private func featureDim(_ space: Space) -> Int {
    projections.first { $0.space == space }?.projection.inputDim ?? 0
  }

  /// The vision tower's embeddings, not normalised: [B, v].
  package func embeddings(of images: [PreparedImage]) throws(ModelError) -> Matrix {
    let size = tower.configuration.imageSize
    if let index = images.firstIndex(where: { $0.height != size || $0.width != size }) {
      throw ModelError(
        .invalidInput,
        "image \(index) was prepared as \(images[index].width) x \(images[index].height); the tower takes \(size) x \(size)"
      )
    }
    var values: [Float] = []
    values.reserveCapacity(images.count * embeddingDim)
    let imagesAtOnce = max(1, Self.patchesAtOnce / tower.configuration.patches)
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

  /// The adaptor's soft tokens of embeddings [n, v]: [n, d].
  package func softTokens(of embeddings: Matrix) throws(ModelError) -> Matrix {
    try embeddings.mapRows("embedding", columns: embeddingDim, resultColumns: softTokenDim) {
      adaptor.softTokens(of: $0, on: team)
    }
  }

  /// The vectors that an index holds: [n, itemVectorDim], a block for each space in use, zero where an item lacks the
  /// space's feature.
  package func itemVectors(of items: [ItemFeatures]) throws(ModelError) -> Matrix {
    var vectors = Matrix(rows: items.count, columns: itemVectorDim)
    for (block, (space, projection)) in projections.enumerated() {
      let rows = items.indices.filter { items[$0][space] != nil }
      let features = try Matrix(vectors: rows.compactMap { items[$0][space] }, columns: projection.inputDim)
      let projected = try features.mapRows(
        "\(space) feature", columns: projection.inputDim, resultColumns: spaceDim
      ) { projection.vectors(of: $0, on: team) }
      for (index, row) in rows.enumerated() {
        vectors.replace(row: row, from: block * spaceDim, with: projected[row: index])
      }
    }
    return vectors
  }
}

extension ImageModel {
  private static func preprocessing(
    _ checkpoint: CheckpointLocation, _ tower: SiglipConfiguration
  ) throws(ModelError) -> ImagePreprocessing {
    let path = checkpoint.visionTower + "/preprocessor_config.json"
    let preprocessing = try ImagePreprocessing(configurationFile: path)
    guard preprocessing.height == tower.imageSize, preprocessing.width == tower.imageSize else {
      throw ModelError(
        .malformed,
        "\(path) prepares images of \(preprocessing.width) x \(preprocessing.height); the tower's config.json says "
          + "image_size \(tower.imageSize)")
    }
    return preprocessing
  }

  private static func fingerprints(
    _ checkpoint: CheckpointLocation, tower: WeightFiles, recModule: WeightFiles, spaces: [Space],
    _ arithmetic: MatrixArithmetic, _ digests: FileDigests
  ) throws(ModelError) -> ModelFingerprints {
    var towerPrint = Fingerprint()
    towerPrint.add(
      existing: ["config.json", "preprocessor_config.json"].map { "\(checkpoint.visionTower)/\($0)" },
      part: "vision_tower")
    for path in tower.paths { towerPrint.add(path, part: "vision_tower") }
    var model = towerPrint
    model.addRecModule(checkpoint, recModule)
    return ModelFingerprints(
      model: try model.digest(digests, extra: arithmetic.fingerprintSuffix),
      space: try Fingerprint.space(checkpoint, recModule, spaces, digests),
      tower: try towerPrint.digest(digests, extra: arithmetic.towerSuffix))
  }
}
