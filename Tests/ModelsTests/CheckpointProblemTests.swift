// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

/// Checkpoints with something wrong: each is refused before anything is computed, with the file, the tensor and the sizes.
@Suite("A bad checkpoint is refused by what is wrong")
struct CheckpointProblemTests {
  private let directory: TemporaryDirectory
  private let location: CheckpointLocation

  init() throws { (directory, location) = try SyntheticModels.copy() }

  private func userProblem() -> ModelError? {
    #expect(throws: ModelError.self) {
      try UserModel(checkpoint: location, configuration: .init(threads: 1))
    }
  }

  private func imageProblem(_ spaces: [Space] = [.image]) -> ModelError? {
    #expect(throws: ModelError.self) { try ImageModel(checkpoint: location, spaces: spaces, threads: 1) }
  }

  private func rewrite(_ file: String, _ change: (inout [SafetensorsWriter.Tensor]) -> Void) throws {
    try SyntheticModels.rewrite("\(location.directory)/\(file)", change)
  }

  @Test func `Every missing and misshapen tensor is named`() throws {
    try rewrite("llm/model.safetensors") { tensors in
      tensors.removeAll { $0.name == "model.layers.1.mlp.up_proj.weight" || $0.name == "model.norm.weight" }
      tensors = tensors.map { tensor in
        guard tensor.name == "model.layers.0.self_attn.k_proj.weight" else { return tensor }
        return SafetensorsWriter.Tensor(tensor.name, shape: [8, 64], values: tensor.values)
      }
    }
    let error = userProblem()
    #expect(error?.code == .tensorMismatch)
    let message = error?.message ?? ""
    #expect(message.contains("3 of them"))
    #expect(message.contains("model.layers.1.mlp.up_proj.weight: [56, 32] expected, missing"))
    #expect(message.contains("model.norm.weight: [32] expected, missing"))
    #expect(message.contains("model.layers.0.self_attn.k_proj.weight: [16, 32] expected, [8, 64] found in"))
    #expect(message.contains("config.json"))
  }

  /// Transformers 4.57 and 5.24 round them when they load them; hidden states of a small random model are then 1e-2 away.
  @Test(arguments: [("torch_dtype", "bfloat16"), ("dtype", "float16")])
  func `Weights that the type of the configuration does not hold are refused`(key: String, type: String) throws {
    try SyntheticModels.rewriteJSON(location.llm + "/config.json", [key: type])
    let error = userProblem()
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("no numbers of \(type)") == true)
    #expect(error?.message.contains("model.layers.1.mlp.up_proj.weight: element ") == true)
    // Floats of 32 bits may hold what was trained in 16.
    try rewrite("llm/model.safetensors") { tensors in
      tensors = tensors.map { tensor in
        SafetensorsWriter.Tensor(
          tensor.name, shape: tensor.shape,
          values: tensor.values.map { Float(Float16(Float(bitPattern: $0.bitPattern & 0xFFFF_0000))) })
      }
    }
    _ = try UserModel(checkpoint: location, configuration: .init(threads: 1))
  }

  @Test func `A tower without a tensor is refused`() throws {
    try rewrite("vision_tower/model.safetensors") { $0.removeAll { $0.name.hasSuffix("head.probe") } }
    let error = imageProblem()
    #expect(error?.code == .tensorMismatch)
    #expect(error?.message.contains("vision_model.head.probe: [1, 1, 24] expected, missing") == true)
  }

  /// The adaptor reads what the tower gives, and gives what the LLM reads.
  @Test func `Parts of different widths are refused`() throws {
    try rewrite("rec_module/model.safetensors") { tensors in
      tensors = tensors.map { tensor in
        switch tensor.name {
        case "adaptor.proj_v2c.weight":
          SafetensorsWriter.Tensor(tensor.name, shape: [20, 25], values: [Float](repeating: 1, count: 500))
        case "adaptor.interface.weight":
          SafetensorsWriter.Tensor(tensor.name, shape: [33, 20], values: [Float](repeating: 1, count: 660))
        default: tensor
        }
      }
    }
    #expect(imageProblem()?.message.contains("adaptor.proj_v2c.weight: [outputs, 24] expected, [20, 25] found") == true)
    #expect(userProblem()?.message.contains("adaptor.interface.weight: [32, 20] expected, [33, 20] found") == true)
  }

  @Test func `A space that the checkpoint lacks is named`() throws {
    try rewrite("rec_module/model.safetensors") { $0.removeAll { $0.name.contains("_cf.") } }
    #expect(try ImageModel(checkpoint: location, spaces: [.image], threads: 1).cfFeatureDim == 0)
    #expect(imageProblem([.image, .cf])?.message.contains("f_i_cf.mlp.0.weight") == true)
    let model = try UserModel(checkpoint: location, configuration: .init(threads: 1))
    #expect(try model.spaceVectors(of: Matrix(rows: 1, columns: 32)).map(\.space) == [.image, .text])
  }

  @Test(arguments: [Float.nan, -.infinity]) func `Weights that are not finite are named`(value: Float) throws {
    try rewrite("llm/model.safetensors") { tensors in
      tensors = tensors.map { tensor in
        guard tensor.name == "model.layers.1.mlp.down_proj.weight" else { return tensor }
        var values = tensor.values
        values[77] = value
        return SafetensorsWriter.Tensor(tensor.name, shape: tensor.shape, values: values)
      }
    }
    let error = userProblem()
    #expect(error?.code == .notFinite)
    #expect(error?.message.contains("model.layers.1.mlp.down_proj.weight: element 77 of 1792") == true)
  }

  @Test func `Integers are no weights`() throws {
    let path = location.directory + "/rec_module/model.safetensors"
    var data = try Data(contentsOf: URL(filePath: path))
    let entry = try #require(data.range(of: Data("\"rec_token\":{".utf8)))
    let type = try #require(data.range(of: Data("\"F32\"".utf8), in: entry.upperBound..<data.endIndex))
    data.replaceSubrange(type, with: Data("\"I32\"".utf8))
    try data.write(to: URL(filePath: path))
    #expect(
      userProblem()?.message.contains(
        "rec_token: F32, F16, BF16, F64 or Q8_0, Q4_0, Q4_1, Q4_K, Q6_K expected, I32 found") == true)
  }

  @Test(arguments: ["llm/config.json", "llm/tokenizer.model", "llm/model.safetensors", "rec_module/model.safetensors"])
  func `A missing file is named`(file: String) throws {
    try FileManager.default.removeItem(atPath: "\(location.directory)/\(file)")
    let error = userProblem()
    #expect(error?.code == .notFound)
    #expect(error?.message.contains(file.split(separator: "/")[0]) == true)
  }

  @Test func `A truncated file is refused`() throws {
    let url = URL(filePath: location.directory + "/llm/model.safetensors")
    let data = try Data(contentsOf: url)
    try data.prefix(data.count / 2).write(to: url)
    let error = userProblem()
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("cut short") == true)
  }

  @Test(arguments: [
    ("num_attention_heads", 5, ModelError.Code.malformed), ("num_key_value_heads", 3, .malformed),
    ("hidden_size", 0, .malformed), ("hidden_size", -1, .malformed), ("num_hidden_layers", 1 << 40, .malformed),
    ("hidden_size", 64, .tensorMismatch), ("rms_norm_eps", -1, .malformed), ("rope_theta", 0, .malformed),
  ])
  func `LLM configurations that make no sense are refused`(key: String, value: Int, code: ModelError.Code) throws {
    try SyntheticModels.rewriteJSON(location.directory + "/llm/config.json", [key: value])
    #expect(userProblem()?.code == code)
  }

  @Test(arguments: [
    ("model_type", "mixtral"), ("hidden_act", "gelu"), ("rope_scaling", "mrope"),
  ])
  func `LLMs of another kind are unsupported`(key: String, value: String) throws {
    let value: Any = key == "rope_scaling" ? ["type": value, "factor": 2.0] : value
    try SyntheticModels.rewriteJSON(location.directory + "/llm/config.json", [key: value])
    #expect(userProblem()?.code == .unsupported)
  }

  @Test func `A missing key is named as the file writes it`() throws {
    let path = location.directory + "/llm/config.json"
    let data = try Data(contentsOf: URL(filePath: path))
    var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    object["num_hidden_layers"] = nil
    try JSONSerialization.data(withJSONObject: object).write(to: URL(filePath: path))
    #expect(userProblem()?.message.contains("\"num_hidden_layers\" is missing") == true)
    try SyntheticModels.rewriteJSON(path, ["num_hidden_layers": "two"])
    #expect(userProblem()?.message.contains("\"num_hidden_layers\" has the wrong type") == true)
  }

  @Test func `A preparation for another tower is refused`() throws {
    try SyntheticModels.rewriteJSON(
      location.directory + "/vision_tower/preprocessor_config.json", ["size": ["height": 32, "width": 32]])
    #expect(imageProblem()?.message.contains("32 x 32") == true)
  }

  @Test(arguments: [("patch_size", 29), ("num_attention_heads", 5), ("num_channels", 4), ("image_size", 0)])
  func `Towers that make no sense are refused`(key: String, value: Int) throws {
    try SyntheticModels.rewriteJSON(location.directory + "/vision_tower/config.json", [key: value])
    #expect(imageProblem()?.code == .malformed)
  }

  @Test func `Spaces and weights are checked`() throws {
    #expect(imageProblem([])?.code == .invalidInput)
    #expect(imageProblem([.image, .image])?.code == .invalidInput)
    for weights in [[Float](), [1], [.nan, 1]] {
      let configuration = UserModel.Configuration(spaces: [.image, .text], spaceWeights: weights, threads: 1)
      let error = #expect(throws: ModelError.self) { try UserModel(checkpoint: location, configuration: configuration) }
      #expect(error?.code == .invalidInput)
    }
  }
}
