// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where an adapter of the LLM lies: `llm_parameter/adapter.pth` as the published code has it, or what PEFT's `save_pretrained`
/// writes, in `llm_parameter/`, `llm/`, the directory of the LLM's weights or the checkpoint's own, or in a directory within, as PEFT
/// does with adapters that have a name.
struct AdapterFiles {
  let weights: String
  /// `adapter_config.json`; nil beside an `adapter.pth` whose settings stand in the checkpoint's `config.json`.
  let configuration: String?

  /// The files that decide what is merged; none of them has been read.
  let paths: [String]

  private static let weightNames = ["adapter_model.safetensors", "adapter_model.bin", "adapter.pth"]

  /// Nil when there is none.
  ///
  /// - Throws: `.unsupported` for more than one, for one without its other half, and for none where the checkpoint was trained with
  ///   one: the LLM would be computed without it.
  init?(of checkpoint: CheckpointLocation) throws(ModelError) {
    let found = Self.directories(of: checkpoint).flatMap { directory in
      (Self.weightNames + ["adapter_config.json"]).map { "\(directory)/\($0)" }.filter(CheckpointLocation.exists)
    }
    guard !found.isEmpty else {
      try Self.requireNone(of: checkpoint)
      return nil
    }
    let weights = found.filter { !$0.hasSuffix(".json") }
    let configurations = found.filter { $0.hasSuffix(".json") }
    guard let path = weights.first, weights.count == 1, configurations.count < 2 else {
      throw ModelError(
        .unsupported,
        weights.isEmpty
          ? "\(found[0]) is there without the adapter's weights (\(Self.weightNames.joined(separator: ", "))); put them beside "
            + "it, or take it away when the LLM is to be computed without"
          : "there is more than one adapter: \(found.joined(separator: ", ")); leave the one that the checkpoint was trained with"
      )
    }
    guard configurations.first != nil || path.hasSuffix("adapter.pth") else {
      throw ModelError(.unsupported, "\(path) is there without adapter_config.json, which says how much it counts")
    }
    self.weights = path
    configuration = configurations.first
    paths = [path, configurations.first ?? checkpoint.configuration]
  }

  private static func requireNone(of checkpoint: CheckpointLocation) throws(ModelError) {
    guard let rank = try checkpoint.trainingNotes().loraRank else { return }
    throw ModelError(
      .unsupported,
      "\(checkpoint.recModuleConfiguration) says lora_rank \(rank), and there is no adapter beside the checkpoint: the LLM would be "
        + "another one than was trained with. Put adapter_config.json and adapter_model.safetensors back, or take lora_rank away "
        + "when they were merged into the LLM")
  }

  private static func directories(of checkpoint: CheckpointLocation) -> [String] {
    let parts = [checkpoint.directory + "/llm_parameter", checkpoint.tokenizer, checkpoint.llm]
    var result: [String] = []
    for directory in parts + [checkpoint.directory] + parts.flatMap(named) + ["\(checkpoint.directory)/default"]
    where !result.contains(directory) { result.append(directory) }
    return result
  }

  /// Directories within that may hold an adapter by their name, in name order.
  private static func named(in directory: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.sorted().map { "\(directory)/\($0)" }.filter { directory in
      (weightNames + ["adapter_config.json"]).contains { CheckpointLocation.exists("\(directory)/\($0)") }
    }
  }
}

extension CheckpointLocation {
  /// Whether an adapter is merged into the checkpoint's LLM when it is loaded.
  package func hasAdapter() throws(ModelError) -> Bool {
    guard let files = try AdapterFiles(of: self) else { return false }
    try files.requireRecommending()
    return true
  }

  /// Files of an adapter that lie in the checkpoint outside of `llm/`: whoever makes another checkpoint over the same LLM takes
  /// them along.
  package func looseAdapterFiles() throws(ModelError) -> [String] {
    guard let files = try AdapterFiles(of: self) else { return [] }
    return ([files.weights] + (files.configuration.map { [$0] } ?? [])).filter { path in
      path.hasPrefix(directory + "/") && !path.hasPrefix(tokenizer + "/")
    }
  }
}
