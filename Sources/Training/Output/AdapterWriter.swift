// SPDX-License-Identifier: Apache-2.0

import Models

/// Writes low-rank changes of the LLM as PEFT's `save_pretrained` does: `adapter_model.safetensors` and `adapter_config.json`.
enum AdapterWriter {
  /// Before the LLM's layers in the names of tensors.
  static let prefix = "base_model.model.model"

  /// Those of the parameters that are of an adapter.
  static func parameters(of parameters: [Parameter]) -> [Parameter] {
    parameters.filter { $0.name.hasPrefix(prefix + ".") }
  }

  /// Those of a matrix that holds several are trained as parts `….lora_B.weight.0`, `….1`, whose rows follow each other.
  private static func tensors(of changes: [Parameter]) -> [SafetensorsWriter.Tensor] {
    var tensors: [SafetensorsWriter.Tensor] = []
    for change in changes {
      guard let last = change.name.split(separator: ".").last, let part = Int(last) else {
        tensors.append(.init(change.name, shape: change.shape, values: Array(change.values)))
        continue
      }
      let name = String(change.name.dropLast(last.utf8.count + 1))
      let before = part == 0 ? nil : tensors.popLast()
      tensors.append(
        .init(
          name, shape: [(before?.shape[0] ?? 0) + change.shape[0], change.shape[1]],
          values: (before?.values ?? []) + change.values))
    }
    return tensors
  }

  /// Nothing is written when there are none.
  ///
  /// - Parameter metadata: of the weights' file.
  static func write(
    _ parameters: [Parameter], to directory: String, metadata: [String: String] = ["format": "pt"]
  ) throws {
    let changes = Self.parameters(of: parameters)
    guard let rank = changes.first(where: { $0.name.hasSuffix("lora_A.weight") })?.shape[0] else { return }
    let tensors = tensors(of: changes)
    try SafetensorsWriter.write(tensors, to: directory + "/adapter_model.safetensors", metadata: metadata)
    let modules = Set(tensors.compactMap { $0.name.split(separator: ".").dropLast(2).last }).sorted()
    let file = try DurableFile(directory + "/adapter_config.json")
    let targets = modules.map { "\"\($0)\"" }.joined(separator: ", ")
    let text =
      "{\"peft_type\": \"LORA\", \"task_type\": \"CAUSAL_LM\", \"base_model_name_or_path\": null, \"inference_mode\": true, "
      + "\"r\": \(rank), \"lora_alpha\": \(rank), \"lora_dropout\": 0.0, \"bias\": \"none\", \"fan_in_fan_out\": false, "
      + "\"use_rslora\": false, \"use_dora\": false, \"target_modules\": [\(targets)]}\n"
    try file.write(Array(text.utf8))
    try file.commit()
  }
}
