// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

/// Authority: `W + scale · B A` (Hu et al. 2021) with the scale of PEFT's `LoraLayer`.
@Suite("An adapter beside the checkpoint is merged into the LLM, or refused")
struct LoRAAdapterTests {
  private let directory: TemporaryDirectory
  private let location: CheckpointLocation
  private static let rank = 3
  /// Outputs and inputs of the changed modules of the tiny LLM.
  private static let modules = [
    "layers.0.self_attn.q_proj": (32, 32), "layers.0.self_attn.k_proj": (16, 32), "layers.1.mlp.down_proj": (32, 56),
  ]

  init() throws { (directory, location) = try SyntheticModels.copy() }

  private static func matrices(_ module: String) -> (a: [Float], b: [Float]) {
    let (outputs, inputs) = modules[module] ?? (0, 0)
    var random = SeededGenerator(seed: UInt64(outputs * 100 + inputs))
    return (random.uniform(rank * inputs), random.uniform(outputs * rank))
  }

  private func write(
    _ file: String = "llm_parameter/adapter_model.safetensors", prefix: String = "base_model.model.model.",
    suffix: String = "weight", metadata: [String: String] = ["format": "pt"],
    change: ([Float]) -> [Float] = { $0 }
  ) throws {
    let tensors = Self.modules.flatMap { module, size in
      let (a, b) = Self.matrices(module)
      return [
        SafetensorsWriter.Tensor("\(prefix)\(module).lora_A.\(suffix)", shape: [Self.rank, size.1], values: a),
        SafetensorsWriter.Tensor("\(prefix)\(module).lora_B.\(suffix)", shape: [size.0, Self.rank], values: change(b)),
      ]
    }
    let path = "\(location.directory)/\(file)"
    try FileManager.default.createDirectory(
      at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try SafetensorsWriter.write(tensors, to: path, metadata: metadata)
  }

  private func configure(_ more: String = "", in place: String = "llm_parameter") throws {
    let base =
      #"{"peft_type": "LORA", "r": 3, "lora_alpha": 12, "target_modules": ["q_proj", "k_proj", "mlp.down_proj", "up_proj"]}"#
    var members = try JSONSerialization.jsonObject(with: Data(base.utf8)) as? [String: Any] ?? [:]
    let other = try JSONSerialization.jsonObject(with: Data("{\(more.dropFirst(2))}".utf8)) as? [String: Any] ?? [:]
    members.merge(other) { _, new in new }
    let json = try JSONSerialization.data(withJSONObject: members)
    try directory.write(json, to: "checkpoint/\(place)/adapter_config.json")
  }

  /// A checkpoint whose LLM has the changes in its matrices.
  private func merged(
    _ scale: (String) -> Float
  ) throws -> (directory: TemporaryDirectory, location: CheckpointLocation) {
    let (directory, other) = try SyntheticModels.copy()
    try SyntheticModels.rewrite(other.llm + "/model.safetensors") { tensors in
      tensors = tensors.map { tensor in
        let module = tensor.name.replacing("model.", with: "", maxReplacements: 1).replacing(".weight", with: "")
        guard let (outputs, inputs) = Self.modules[module] else { return tensor }
        let (a, b) = Self.matrices(module)
        var values = tensor.values
        for o in 0..<outputs {
          for i in 0..<inputs {
            let product = (0..<Self.rank).reduce(Float(0)) { $0 + b[o * Self.rank + $1] * a[$1 * inputs + i] }
            values[o * inputs + i] += scale(module) * product
          }
        }
        return SafetensorsWriter.Tensor(tensor.name, shape: tensor.shape, values: values)
      }
    }
    return (directory, other)
  }

  private func hiddenState(_ location: CheckpointLocation, _ precision: Precision = .float32) throws -> [Float] {
    var loading = LoadingOptions(precision: precision)
    loading.bytesWorthCaching = 0
    loading.packedCache = directory.path + "/cache"
    let model = try UserModel(checkpoint: location, configuration: .init(threads: 1, loading: loading))
    let soft = [Float](repeating: 0.1, count: 32)
    let prompt = try model.prompt(history: [HistoryEntry(title: "red lamp", softToken: soft)])
    return try model.hiddenStates(of: [prompt]).values
  }

  private func difference(_ left: [Float], _ right: [Float]) -> Float {
    let distance = zip(left, right).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (distance / right.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }

  @Test(arguments: [Precision.float32, .bfloat16, .int8])
  func `What is computed is what the merged LLM computes`(precision: Precision) throws {
    let plain = try hiddenState(location, precision)
    try write()
    try configure()
    let (kept, expected) = try merged { _ in 4 }
    defer { withExtendedLifetime(kept) {} }
    let found = try hiddenState(location, precision)
    #expect(difference(found, try hiddenState(expected, precision)) < (precision == .float32 ? 1e-5 : 1e-3))
    #expect(difference(found, plain) > 0.05)
    // What was packed without the adapter is not taken for it, and the other way round.
    #expect(try hiddenState(location, precision) == found)
    try FileManager.default.removeItem(atPath: location.directory + "/llm_parameter/adapter_model.safetensors")
    try FileManager.default.removeItem(atPath: location.directory + "/llm_parameter/adapter_config.json")
    #expect(try hiddenState(location, precision) == plain)
  }

  @Test func `Ranks, alphas and the root of the rank are heeded`() throws {
    try write()
    for (more, scale) in [
      (#", "use_rslora": true"#, { _ in 12 / Float(3).squareRoot() }),
      (
        #", "alpha_pattern": {"q_proj": 6, "mlp.down_proj": 3}"#,
        { $0.hasSuffix("q_proj") ? 2 : $0.hasSuffix("k_proj") ? 4 : 1 }
      ),
      (#", "rank_pattern": {"k_proj": 3}, "lora_dropout": 0.1, "fan_in_fan_out": true, "bias": "none""#, { _ in 4 }),
      // PEFT's names are regular expressions, in which a dot is any character, and several may say the same.
      (
        #", "alpha_pattern": {"self.attn.q.proj": 6, "q_proj": 6, "attn_q_proj": 9}"#,
        { $0.hasSuffix("q_proj") ? 2 : 4 }
      ),
      (#", "kasa_config": null, "use_something_new": false"#, { _ in 4 }),
      // A module that is named wholly is changed whatever the layers are.
      (
        #", "layers_to_transform": [1], "target_modules": ["model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj", "down_proj"]"#,
        { _ in 4 }
      ),
    ] as [(String, (String) -> Float)] {
      try configure(more)
      let (kept, expected) = try merged(scale)
      defer { withExtendedLifetime(kept) {} }
      #expect(difference(try hiddenState(location), try hiddenState(expected)) < 1e-5, "\(more)")
    }
  }

  @Test func `It is found wherever training code leaves it`() throws {
    let (kept, expected) = try merged { _ in 4 }
    defer { withExtendedLifetime(kept) {} }
    let right = try hiddenState(expected)
    for place in ["llm_parameter", "llm", ".", "llm_parameter/default", "llm/mine"] {
      try write("\(place)/adapter_model.safetensors")
      try configure(in: place)
      #expect(difference(try hiddenState(location), right) < 1e-5, "\(place)")
      for name in ["adapter_model.safetensors", "adapter_config.json"] {
        try FileManager.default.removeItem(atPath: "\(location.directory)/\(place)/\(name)")
      }
    }
    // The published code's state has the adapter's name in it, and its settings in the checkpoint's configuration.
    try write("llm_parameter/adapter.pth", prefix: "llm.model.", suffix: "default.weight")
    try directory.write(
      #"{"train_cfg": {"lora_r": 3, "lora_alpha": 12, "lora_bias": "none"}}"#, to: "checkpoint/config.json")
    #expect(difference(try hiddenState(location), right) < 1e-5)
  }

  @Test func `It changes the fingerprint, and trainings over another LLM are refused`() throws {
    let configuration = UserModel.Configuration(threads: 1)
    let plain = try FrozenLLM(checkpoint: location, configuration: configuration)
    let fingerprints = try UserModel(checkpoint: location, over: plain).fingerprints
    try write()
    try configure()
    let adapted = try FrozenLLM(checkpoint: location, configuration: configuration)
    #expect(adapted.fingerprint != plain.fingerprint)
    #expect(try UserModel(checkpoint: location, over: adapted).fingerprints.model != fingerprints.model)
    let error = #expect(throws: ModelError.self) { try UserModel(checkpoint: location, over: plain) }
    #expect(error?.code == .frozenPartMismatch && error?.message.contains("adapter/adapter_model.safetensors") == true)
  }

  /// A process that may not read a file still compares its bytes with those that serve.
  @Test func `Another adapter is refused before anything in it is read`() throws {
    try write()
    try configure()
    let adapted = try FrozenLLM(checkpoint: location, configuration: .init(threads: 1))
    try directory.write(#"{"peft_type": "a secret"}"#, to: "checkpoint/llm_parameter/adapter_config.json")
    let error = #expect(throws: ModelError.self) {
      try UserModel(checkpoint: location, over: adapted, readable: ReadableFiles { !$0.contains("adapter") })
    }
    #expect(error?.code == .frozenPartMismatch)
    #expect(error?.message.contains("a secret") == false)
  }

  /// Merged into a checkpoint's LLM it would change what is recommended; `.bin` is read by its contents.
  @Test(arguments: ["adapter_model.safetensors", "adapter_model.bin"])
  func `An adapter that answers questions is no part of a checkpoint`(name: String) throws {
    let notes = AnswerAdapterNotes(
      trainedAs: "yes-no", llm: try location.llmFingerprint(withAdapter: false), rank: 3, steps: 2, batchSize: 4,
      learningRate: 0.001, seed: 1)
    try write("llm_parameter/\(name)", metadata: try notes.metadata())
    try configure()
    for read in [
      { _ = try hiddenState(location) }, { _ = try location.hasAdapter() },
      { _ = try FrozenLLM(checkpoint: location, configuration: .init(threads: 1)) },
    ] {
      let error = #expect(throws: ModelError.self) { try read() }
      #expect(error?.message.contains("\(name) is a LoRA that answers yes-no") == true, "\(error?.message ?? "")")
    }
  }

  @Test func `An adapter that answers says over which LLM`() throws {
    let notes = AnswerAdapterNotes(
      trainedAs: "yes-no", llm: try location.llmFingerprint(withAdapter: false), rank: 3, steps: 2, batchSize: 4,
      learningRate: 0.001, seed: 1)
    let own = directory.path + "/answers"
    try write("../answers/adapter_model.safetensors", metadata: try notes.metadata())
    #expect(try AnswerAdapterNotes(in: own, trainedAs: "yes-no") == notes)
    #expect(throws: ModelError.self) { try AnswerAdapterNotes(in: own, trainedAs: "ratings") }
    try notes.require(llm: notes.llm, location.llm, adapter: own)
    let (kept, other) = try merged { _ in 4 }
    defer { withExtendedLifetime(kept) {} }
    let fingerprint = try other.llmFingerprint(withAdapter: false)
    let error = #expect(throws: ModelError.self) { try notes.require(llm: fingerprint, other.llm, adapter: own) }
    #expect(error?.code == .frozenPartMismatch && error?.message.contains(own) == true)
    try write("../answers/adapter_model.safetensors")
    let unmarked = #expect(throws: ModelError.self) { try AnswerAdapterNotes(in: own, trainedAs: "yes-no") }
    #expect(unmarked?.message.contains("does not say that it was trained to answer yes-no") == true)
  }

  /// The same bytes under other names are the same LLM.
  @Test func `A fingerprint is of contents`() throws {
    let plain = try location.llmFingerprint()
    let (kept, copy) = try SyntheticModels.copy()
    defer { withExtendedLifetime(kept) {} }
    #expect(try copy.llmFingerprint() == plain)
    #expect(try copy.towerFingerprint() == location.towerFingerprint())
    #expect(try copy.startFingerprint(isFresh: false) == location.startFingerprint(isFresh: false))
    try write()
    try configure()
    #expect(try location.llmFingerprint() != plain)
    #expect(try location.llmFingerprint(withAdapter: false) == plain)
    try SyntheticModels.rewrite(copy.llm + "/model.safetensors") { tensors in
      let values = tensors[0].values
      tensors[0] = .init(tensors[0].name, shape: tensors[0].shape, values: values.map { $0 + 1 })
    }
    #expect(try copy.llmFingerprint() != plain)
  }

  @Test(arguments: [Float.nan, .infinity]) func `What is not finite in it is said of its file`(value: Float) throws {
    try write { $0.dropLast() + [value] }
    try configure()
    let error = #expect(throws: ModelError.self) { try hiddenState(location) }
    #expect(error?.message.contains("adapter_model.safetensors: the LoRA's") == true, "\(error?.message ?? "")")
  }

  /// Which modules are changed is then what the matrices say.
  @Test(arguments: [#""all-linear""#, #""(?!.*lm_head).*\\.(q_proj|k_proj|down_proj)""#])
  func `Target modules may be a pattern`(pattern: String) throws {
    try write()
    let (kept, expected) = try merged { _ in 4 }
    defer { withExtendedLifetime(kept) {} }
    try configure(", \"target_modules\": \(pattern)")
    #expect(difference(try hiddenState(location), try hiddenState(expected)) < 1e-5)
  }

  @Test func `Training reads the merged LLM`() throws {
    let (kept, expected) = try merged { _ in 4 }
    defer { withExtendedLifetime(kept) {} }
    try write()
    try configure()
    func query(_ location: CheckpointLocation) throws -> [Float] {
      let weights = try TrainingWeights(
        checkpoint: location, spaces: nil, loading: LoadingOptions(), maxPositions: 16, team: ComputeTeam(threads: 1))
      return try #require(weights.llm.layers[0].attention.queryWeight.tensor).values
    }
    #expect(difference(try query(location), try query(expected)) < 1e-6)
  }

  @Test(arguments: [
    (#", "use_dora": true"#, "use_dora"), (#", "bias": "all""#, "bias"),
    (#", "modules_to_save": ["lm_head"]"#, "modules_to_save"),
    (#", "init_lora_weights": "pissa_niter_4""#, "pissa"),
    (#", "trainable_token_indices": [1]"#, "trainable_token_indices"),
    (#", "rank_pattern": {".*q_proj": 3}"#, "regular expressions"), (#", "r": 8"#, "rank 8"),
    (#", "kasa_config": {"lora_alpha": 3}"#, "kasa_config"), (#", "something_new": 0"#, "something_new"),
    (#", "init_lora_weights": "mica""#, "mica"),
    (
      #", "alpha_pattern": {"q_proj": 16, "layers.0.self_attn.q_proj": 1}"#,
      "layers.0.self_attn.q_proj says 1.0, q_proj says 16.0"
    ),
    (#", "target_modules": ["q_proj", "proj"]"#, "by target_modules, layers.0.self_attn.k_proj"),
    (#", "layers_to_transform": 0"#, "by layers_to_transform, layers.1.mlp.down_proj"),
    (#", "exclude_modules": ["k_proj"]"#, "by exclude_modules, layers.0.self_attn.k_proj"),
    (#", "peft_type": "IA3""#, "IA3"), (#", "lora_alpha": null"#, "lora_alpha"),
  ])
  func `What cannot be merged is refused by its key`(more: String, mention: String) throws {
    try write()
    try configure(more)
    let error = #expect(throws: ModelError.self) { try hiddenState(location) }
    #expect(error?.message.contains(mention) == true, "\(error?.message ?? "")")
  }

  @Test func `Two adapters with names of their own are refused`() throws {
    for name in ["default", "other"] {
      try write("llm_parameter/\(name)/adapter_model.safetensors")
      try configure(in: "llm_parameter/\(name)")
    }
    let error = #expect(throws: ModelError.self) { try hiddenState(location) }
    #expect(error?.message.contains("more than one adapter") == true, "\(error?.message ?? "")")
  }

  @Test func `Half an adapter, two, and one of another LLM are refused`() throws {
    func problem() -> String { #expect(throws: ModelError.self) { try hiddenState(location) }?.message ?? "" }
    try configure()
    #expect(problem().contains("without the adapter's weights"))
    try write("llm_parameter/adapter.pth")
    try write()
    #expect(problem().contains("more than one adapter"))
    try FileManager.default.removeItem(atPath: location.directory + "/llm_parameter/adapter.pth")
    try write(prefix: "base_model.model.vision_tower.encoder.")
    #expect(problem().contains("no LoRA matrix of the LLM's linear layers"))
    try SafetensorsWriter.write(
      [
        .init("layers.9.mlp.up_proj.lora_A.weight", shape: [3, 32], values: [Float](repeating: 0, count: 96)),
        .init("layers.9.mlp.up_proj.lora_B.weight", shape: [56, 3], values: [Float](repeating: 0, count: 168)),
      ], to: location.directory + "/llm_parameter/adapter_model.safetensors")
    #expect(problem().contains("another LLM's adapter"))
    try FileManager.default.removeItem(atPath: location.directory + "/llm_parameter/adapter_config.json")
    #expect(problem().contains("without adapter_config.json"))
    try FileManager.default.moveItem(
      atPath: location.directory + "/llm_parameter/adapter_model.safetensors",
      toPath: location.directory + "/llm_parameter/adapter.pth")
    #expect(problem().contains("nothing says how much it counts"))
  }
}
