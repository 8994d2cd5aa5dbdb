// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Low-rank changes of the frozen LLM that lie beside a checkpoint. They are merged into its matrices when these are loaded.
///
///     W' = W + scale · B A
///
/// - Source: Hu et al. 2021; PEFT's `LoraModel`.
struct LoRAAdapter: Sendable {
  /// Of one matrix.
  struct Change: Sendable {
    let a: StoredTensor  // [r, I]
    let b: StoredTensor  // [O, r]
    let scale: Double
  }

  /// By the changed module: `layers.0.self_attn.q_proj`, `lm_head`.
  let changes: [String: Change]
  /// The files that decide what is merged.
  let paths: [String]
  private let origin: String

  /// The adapter of a checkpoint; nil when it has none.
  ///
  /// - Throws: `.unsupported` for one that was trained to answer questions.
  init?(of checkpoint: CheckpointLocation) throws(ModelError) {
    guard let files = try AdapterFiles(of: checkpoint) else { return nil }
    try files.requireRecommending()
    try self.init(files, checkpoint)
  }

  /// The adapter in a directory of its own, whatever it was trained for, that is to be merged into `files`.
  init(directory: String, over files: WeightFiles, _ loading: LoadingOptions) throws(ModelError) {
    let location = CheckpointLocation(directory: directory)
    guard let found = try AdapterFiles(of: location) else {
      throw ModelError(
        .notFound, "\(directory) holds no LoRA: neither adapter_config.json nor the weights that belong to it")
    }
    try self.init(found, location)
    try announce(files, loading)
  }

  private init(_ files: AdapterFiles, _ checkpoint: CheckpointLocation) throws(ModelError) {
    let weights = try WeightFiles(file: files.weights)
    let settings: LoRASettings
    if let configuration = files.configuration {
      settings = try LoRASettings(peft: configuration)
    } else {
      settings = try LoRASettings(published: checkpoint.configuration, adapter: files.weights)
    }
    origin = files.weights
    paths = files.paths
    changes = try Self.changes(weights.tensors, settings, origin)
  }

  /// The adapter that is to be merged into `files`, told to whoever hears of loading.
  init?(of checkpoint: CheckpointLocation, over files: WeightFiles, _ loading: LoadingOptions) throws(ModelError) {
    guard let adapter = try LoRAAdapter(of: checkpoint) else { return nil }
    try adapter.announce(files, loading)
    self = adapter
  }

  private func announce(_ files: WeightFiles, _ loading: LoadingOptions) throws(ModelError) {
    try check(files, prefix: LlamaModel.prefix(in: files))
    loading.report(.note("the LoRA of \(origin) is merged into \(changes.count) matrices of the LLM"))
  }

  private static func changes(
    _ tensors: [String: StoredTensor], _ settings: LoRASettings, _ origin: String
  ) throws(ModelError) -> [String: Change] {
    var halves: [String: (a: StoredTensor?, b: StoredTensor?)] = [:]
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      guard let place = Place(tensor: name) else {
        throw ModelError(
          .unsupported,
          "\(origin) holds \(name), which is no LoRA matrix of the LLM's linear layers; merge the adapter with PEFT "
            + "(merge_and_unload) and save the whole LLM")
      }
      if case .other(let type, _) = tensor.type {
        throw ModelError(.unsupported, "\(origin): \(name) is in \(type); save it in F32, F16 or BF16")
      }
      let isTaken = place.isA ? halves[place.module]?.a != nil : halves[place.module]?.b != nil
      guard tensor.shape.count == 2, !isTaken else {
        throw ModelError(.malformed, "\(origin): \(name) is no matrix, or stands there twice")
      }
      if place.isA {
        halves[place.module, default: (nil, nil)].a = tensor
      } else {
        halves[place.module, default: (nil, nil)].b = tensor
      }
    }
    guard !halves.isEmpty else { throw ModelError(.malformed, "\(origin) holds no LoRA matrices") }
    var changes: [String: Change] = [:]
    for (module, half) in halves.sorted(by: { $0.key < $1.key }) {
      guard let a = half.a, let b = half.b, a.shape[0] == b.shape[1] else {
        throw ModelError(.malformed, "\(origin): the matrices lora_A and lora_B of \(module) do not go together")
      }
      for tensor in [a, b] { try requireFinite(tensor, origin) }
      changes[module] = Change(a: a, b: b, scale: try settings.scale(of: module, rank: a.shape[0]))
    }
    return changes
  }

  /// Merged, it would be the LLM's weights that are not finite, which are sound.
  private static func requireFinite(_ tensor: StoredTensor, _ origin: String) throws(ModelError) {
    guard !tensor.load(shape: tensor.shape, on: ComputeTeam(threads: 1)).values.allSatisfy(\.isFinite) else { return }
    throw ModelError(
      .notFinite, "\(origin): the LoRA's \(tensor.name) holds a NaN or an infinity; train the LoRA again")
  }

  /// Throws unless every change has its matrix in `files`.
  ///
  /// - Parameter prefix: what goes before the names of the LLM's layers there.
  private func check(_ files: WeightFiles, prefix: String) throws(ModelError) {
    for (module, change) in changes.sorted(by: { $0.key < $1.key }) {
      let name = (module == "lm_head" ? "" : prefix) + module + ".weight"
      let shape = [change.b.shape[0], change.a.shape[1]]
      guard let base = files.tensors[name], base.shape == shape else {
        let found = files.tensors[name].map { "has the shape \($0.shape)" } ?? "is missing"
        throw ModelError(
          .tensorMismatch,
          "\(origin) changes \(name) of the shape \(shape), which \(found) in \(files.origin); it is another LLM's adapter"
        )
      }
    }
  }

  /// Adds the change of `module` to its matrix.
  ///
  /// - Parameter base: [O, I].
  /// - Returns: nil when the module is not changed.
  func merged(_ module: String, _ base: WeightTensor, on team: ComputeTeam) -> WeightTensor? {
    guard let change = changes[module] else { return nil }
    let (rank, outputs, inputs) = (change.a.shape[0], base.shape[0], base.count / max(base.shape[0], 1))
    let a = change.a.load(shape: change.a.shape, on: team).values
    let transposed = WeightTensor(shape: [inputs, rank]) { memory in
      for row in 0..<inputs {
        for column in 0..<rank { memory[row * rank + column] = a[column * inputs + row] }
      }
    }
    let scale = Float(change.scale)
    let b = change.b.load(shape: change.b.shape, on: team).values.map { $0 * scale }
    var sum = Activations(rows: outputs, width: inputs, values: base.values)
    team.linear(Activations(rows: outputs, width: rank, values: b), LinearWeight(transposed), addingTo: &sum)
    return WeightTensor(shape: base.shape, values: sum.values)
  }
}

/// What a tensor of an adapter is of.
private struct Place {
  let module: String
  let isA: Bool

  /// What may stand before the layers: PEFT's wrappers, and the published code's name of the LLM.
  private static let wrappers: Set<Substring> = ["base_model", "model", "llm", "module", "_orig_mod"]

  /// Nil for a name other than `….layers.0.self_attn.q_proj.lora_A.weight`; PEFT's state has its adapter's name before `weight`.
  init?(tensor name: String) {
    var parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.popLast() == "weight" else { return nil }
    if parts.last == "default" { parts.removeLast() }
    guard let side = parts.popLast(), side == "lora_A" || side == "lora_B",
      let start = parts.firstIndex(where: { $0 == "layers" || $0 == "lm_head" }),
      parts[..<start].allSatisfy(Self.wrappers.contains)
    else { return nil }
    module = parts[start...].joined(separator: ".")
    isA = side == "lora_A"
  }
}
