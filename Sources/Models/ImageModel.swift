// SPDX-License-Identifier: Apache-2.0

package import Kernels

/// Everything that turns item images into vectors: vision tower, adaptor and the items' projections. One training over a
/// frozen tower, which others may share.
///
/// Its methods compute on the calling thread and the model's own threads, and block until they are done: call them from
/// a compute worker. Calls from several threads wait for each other.
package final class ImageModel: Sendable {
  package let fingerprints: ModelFingerprints
  /// Spaces in use, in the order of their blocks.
  package let spaces: [Space]
  /// What it shares with the other trainings over the tower.
  package let frozen: FrozenTower
  /// v: the length of the tower's embeddings, or of the image features that stand in for them.
  package let embeddingDim: Int
  /// d.
  package let softTokenDim: Int
  /// p.
  package let spaceDim: Int
  /// What it holds beside the tower.
  package let ownBytes: Int

  private let adaptor: Adaptor
  private let projections: [(space: Space, projection: SpaceProjection)]

  /// Reads `vision_tower/` and `rec_module/`.
  ///
  /// - Parameters:
  ///   - threads: of the computation; one for each CPU of the process by default.
  ///   - loading: how the tower's matrices are kept, and who hears of loading.
  ///   - reading: how image files are read.
  ///   - imageFeatureDim: length of image features from elsewhere, with which the checkpoint was trained in place of the tower's
  ///     embeddings; nil for the tower's.
  package convenience init(
    checkpoint: CheckpointLocation, spaces: [Space], threads: Int? = nil, loading: LoadingOptions = LoadingOptions(),
    reading: ImageReading = ImageReading(), imageFeatureDim: Int? = nil
  ) throws(ModelError) {
    _ = try Space.blockOrder(spaces)
    let frozen = try FrozenTower(checkpoint: checkpoint, threads: threads, loading: loading, reading: reading)
    try self.init(
      checkpoint: checkpoint, spaces: spaces, over: frozen, on: frozen.team, imageFeatureDim: imageFeatureDim)
  }

  /// Reads `rec_module/`, into memory of its own, and compares `vision_tower/` with the tower that serves.
  ///
  /// - Parameters:
  ///   - team: that reads; a thread of its own by default, so that what serves computes on.
  ///   - readable: which files may be read.
  /// - Throws: `.frozenPartMismatch` when the checkpoint was trained over another tower.
  package init(
    checkpoint: CheckpointLocation, spaces: [Space], over frozen: FrozenTower,
    on team: ComputeTeam = ComputeTeam(threads: 1), readable: ReadableFiles = .all, imageFeatureDim: Int? = nil
  ) throws(ModelError) {
    let embeddingDim = imageFeatureDim ?? frozen.embeddingDim
    let spaces = try Space.blockOrder(spaces)
    let towerFiles = try WeightFiles(directory: checkpoint.visionTower)
    let digests = FileDigests(directory: frozen.loading.packedCache, knowing: frozen.knownDigests, on: team)
    try frozen.require(checkpoint, towerFiles, digests)
    try readable.requireTrainedPart(of: checkpoint)

    let recFiles = try WeightFiles(directory: checkpoint.recModule)
    let fingerprints = { () throws(ModelError) in
      try Self.fingerprints(
        checkpoint, tower: towerFiles, recModule: recFiles, spaces: spaces, frozen, digests)
    }
    let before = try fingerprints()
    let layout = try checkpoint.softTokenLayout(of: recFiles)
    var loader = WeightLoader(recFiles, copies: true, on: team)
    adaptor = Adaptor(&loader, layout, embeddingDim: embeddingDim)
    var projections: [(space: Space, projection: SpaceProjection)] = []
    for space in spaces {
      let projection = SpaceProjection(
        &loader, .item, space, inputDim: space == .image ? embeddingDim : nil,
        spaceDim: projections.first?.projection.spaceDim)
      projections.append((space, projection))
    }
    let source =
      embeddingDim == frozen.embeddingDim
      ? "the published layout with \(checkpoint.visionTower)/config.json"
      : "image features of \(embeddingDim) elements"
    try loader.finish(expectation: source)
    for (space, projection) in projections where adaptor.features.contains(space) {
      guard adaptor.dim(of: space) == projection.inputDim else {
        throw ModelError(
          .tensorMismatch,
          "\(checkpoint.recModule): soft tokens take \(space) features of \(adaptor.dim(of: space)) elements, and the space takes "
            + "\(projection.inputDim); an item has one of them")
      }
    }

    self.frozen = frozen
    self.spaces = spaces
    self.projections = projections
    self.embeddingDim = embeddingDim
    softTokenDim = adaptor.softTokenDim
    spaceDim = projections[0].projection.spaceDim
    ownBytes = loader.loadedBytes
    self.fingerprints = try before.requireUnchanged(try fingerprints(), checkpoint)
    digests.save()
  }

  /// What the vision tower's matrices are multiplied in.
  package var arithmetic: MatrixArithmetic { frozen.arithmetic }
  package var preprocessing: ImagePreprocessing { frozen.preprocessing }
  private var team: ComputeTeam { frozen.team }

  /// Length of an item vector: p for each space in use.
  package var itemVectorDim: Int { spaceDim * spaces.count }
  /// Length of a collaborative-filtering feature, 0 when neither its space is in use nor soft tokens are made of it.
  package var cfFeatureDim: Int { featureDim(.cf) }
  /// Length of a text feature, 0 when neither its space is in use nor soft tokens are made of it.
  package var textFeatureDim: Int { featureDim(.text) }
  /// That soft tokens are made of, in the order of blocks.
  package var tokenFeatures: [Space] { adaptor.features }

  private func featureDim(_ space: Space) -> Int {
    projections.first { $0.space == space }?.projection.inputDim ?? adaptor.dim(of: space)
  }

  /// The vision tower's embeddings, not normalised: [B, v].
  package func embeddings(of images: [PreparedImage]) throws(ModelError) -> Matrix { try frozen.embeddings(of: images) }

  /// The adaptor's soft tokens of embeddings [n, v], of which alone the checkpoint's tokens must be made: [n, d].
  package func softTokens(of embeddings: Matrix) throws(ModelError) -> Matrix {
    try embeddings.mapRows("embedding", columns: adaptor.inputDim, resultColumns: softTokenDim) {
      adaptor.softTokens(of: $0, on: team)
    }
  }

  /// Whether an item has a soft token: it has at least one of the features that these are made of.
  package func hasSoftToken(_ item: ItemFeatures) -> Bool { adaptor.reads(item) }

  /// The soft tokens of items that have one, [n, d]. What an item lacks is stood in for by what was trained for that.
  package func softTokens(of items: [ItemFeatures]) throws(ModelError) -> Matrix {
    var inputs: [[Float]] = []
    for item in items { inputs.append(try adaptor.input(of: item)) }
    return try softTokens(of: Matrix(vectors: inputs, columns: adaptor.inputDim))
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
  private static func fingerprints(
    _ checkpoint: CheckpointLocation, tower: WeightFiles, recModule: WeightFiles, spaces: [Space],
    _ frozen: FrozenTower, _ digests: FileDigests
  ) throws(ModelError) -> ModelFingerprints {
    var model = FrozenTower.files(checkpoint, tower)
    model.addRecModule(checkpoint, recModule)
    return ModelFingerprints(
      model: try model.digest(
        digests, extra: frozen.arithmetic.fingerprintSuffix + frozen.preprocessing.reading.fingerprintSuffix),
      space: try Fingerprint.space(checkpoint, recModule, spaces, digests), tower: frozen.fingerprint)
  }
}
