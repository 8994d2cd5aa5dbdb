// SPDX-License-Identifier: Apache-2.0

package import Kernels

/// What training reads of a checkpoint: the frozen LLM with its head, and what it starts from.
package struct TrainingWeights: Sendable {
  package let llm: LlamaModel
  /// `lm_head.weight`, or the LLM's own token embeddings when the two are tied; frozen either way, in the LLM's precision.
  package let head: LinearWeight  // [V, D]
  /// `llm_parameter/token_embed.pth`, or the LLM's own.
  package let tokenEmbeddings: EmbeddingTable  // [V or more, D]
  /// Tokens with those that the tokenizer adds to the LLM's, `<i_vis>` above all: V or more. The published code gives the
  /// frozen head a row of small random values around zero for each that it lacks.
  package let tokenCount: Int
  /// The weights of `rec_module/`, under the names that checkpoints give them: `rec_token`, the adaptor's, then each
  /// space's item side and user side, then what its ``SoftTokenLayout`` has beyond the published one.
  package let recModule: [(name: String, tensor: WeightTensor)]

  /// - Parameters:
  ///   - spaces: whose projections are read; nil leaves `rec_module/` alone.
  ///   - llmAlone: whether a checkpoint's adapter and token embeddings of its own have no part in it, as in ``TextGenerator``.
  ///   - loading: precision of the LLM's matrices.
  ///   - maxPositions: longest sequence.
  package init(
    checkpoint: CheckpointLocation, spaces: [Space]?, llmAlone: Bool = false, loading: LoadingOptions,
    maxPositions: Int, team: ComputeTeam
  ) throws(ModelError) {
    let source = try LLMFiles(of: checkpoint)
    let (path, shape, files) = (source.configuration, source.shape, source.weights)
    shape.unknownKeys.report(to: loading)
    if let limit = shape.decoder.positionLimit, limit < maxPositions {
      throw ModelError(
        .unsupported,
        "\(path): the LLM's positions go up to \(limit), and sequences of \(maxPositions) were asked for; give a smaller limit"
      )
    }
    let tokenizer = try LlamaTokenizer(of: checkpoint, loading)
    let adapter = try llmAlone ? nil : LoRAAdapter(of: checkpoint, over: files, loading)
    let digests = FileDigests(directory: loading.packedCache, on: team)
    let packer = try MatrixPacker(part: "llm", of: files, adapter: adapter, loading, digests: digests, on: team)
    let prefix = LlamaModel.prefix(in: files)
    var loader = WeightLoader(
      files, prefix: prefix, packer: packer, adapter: adapter, loadedAs: source.loadedPrecision, on: team)
    llm = LlamaModel(shape, &loader, maxPositions: maxPositions, team: team)
    let trained =
      try llmAlone
      ? nil : UserModel.trainedEmbeddings(checkpoint, tokenizer: tokenizer, width: shape.width, team: team)
    tokenEmbeddings =
      trained ?? loader.table("embed_tokens.weight", atLeast: tokenizer.pieceCount, columns: shape.width)
    try loader.finish(expectation: path)
    head = try source.head(packer, adapter, on: team)
    packer.save()
    digests.save()
    tokenCount = max(shape.vocabulary, Int(tokenizer.visualMarkerID) + 1)
    if let spaces {
      recModule = try Self.recModule(checkpoint, spaces: spaces, width: shape.width, team)
    } else {
      recModule = []
    }
  }

  /// The standard deviation of the elements of what the LLM reads for a token, estimated from the first 1,024 tokens.
  package var tokenDeviation: Float {
    var rows = Activations(rows: min(tokenEmbeddings.rows, 1024), width: tokenEmbeddings.width)
    for row in 0..<rows.rows { rows.setRow(row, toRow: row, of: tokenEmbeddings) }
    let values = rows.values
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
    let variance = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count)
    return Float(variance.squareRoot()) * llm.configuration.decoder.embeddingScale
  }

  private static func recModule(
    _ checkpoint: CheckpointLocation, spaces: [Space], width: Int, _ team: ComputeTeam
  ) throws(ModelError) -> [(name: String, tensor: WeightTensor)] {
    let files = try WeightFiles(directory: checkpoint.recModule)
    let layout = try checkpoint.softTokenLayout(of: files)
    var loader = WeightLoader(files, on: team)
    let recToken = loader.vector("rec_token", width)
    var rest = perceptron(
      &loader, layout.layers[0], layout.layers[1], layout.layers[2], inputs: nil, outputs: width)
    for space in spaces {
      for side in [SpaceProjection.Side.item, .user] {
        let name = SpaceProjection.name(side, space) + ".mlp"
        rest += perceptron(
          &loader, "\(name).0", "\(name).1", "\(name).3", inputs: side == .user ? width : nil, outputs: nil)
      }
    }
    for feature in layout.features where layout.allowsAbsence {
      let name = SoftTokenLayout.absent(feature)
      rest.append((name, loader.vector(name, nil)))
    }
    if layout.positions > 0 {
      rest.append(
        (SoftTokenLayout.positionsName, loader.tensor(SoftTokenLayout.positionsName, [layout.positions, width])))
    }
    try loader.finish(expectation: "the published layout with \(checkpoint.llm)/config.json")
    return [("rec_token", recToken.reshaped([1, width]))] + rest
  }

  /// Two linear layers with a norm between them.
  private static func perceptron(
    _ loader: inout WeightLoader, _ first: String, _ norm: String, _ second: String, inputs: Int?, outputs: Int?
  ) -> [(name: String, tensor: WeightTensor)] {
    let start = loader.linear(first, inputs: inputs)
    let middle = loader.layerNorm(norm, width: start.outputs)
    let end = loader.linear(second, inputs: start.outputs, outputs: outputs)
    guard let startRows = start.weight.tensor, let endRows = end.weight.tensor else {
      preconditionFailure("the loader packs nothing")
    }
    return [
      ("\(first).weight", startRows), ("\(first).bias", start.bias), ("\(norm).weight", middle.weight),
      ("\(norm).bias", middle.bias), ("\(second).weight", endRows), ("\(second).bias", end.bias),
    ]
  }
}
