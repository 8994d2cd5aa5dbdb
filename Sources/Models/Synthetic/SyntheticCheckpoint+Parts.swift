// SPDX-License-Identifier: Apache-2.0

import Foundation

extension SyntheticCheckpoint {
  /// A tokenizer learned from `text`; returns how many pieces it has.
  static func writeTokenizer(to directory: String, _ shape: Shape, text: [String]) throws(ModelError) -> Int {
    let lines = text + Array(repeating: PromptTemplate(.image).text, count: 20)
    let characters = Set(lines.flatMap(\.unicodeScalars)).count
    // The 256 bytes and <unk>, <s>, </s> come first, then every character, then merges.
    let model = try SentencePieceModel.train(on: lines, vocabularySize: max(shape.vocabulary, 300 + characters))
    let path = directory + "/tokenizer.model"
    try write(Data(model), to: path)
    let pieces = try SentencePieceModel(path: path).pieceCount
    try writeJSON([LlamaTokenizer.visualMarker: pieces], to: directory + "/added_tokens.json")
    let special = ["bos_token": "<s>", "eos_token": "</s>", "pad_token": "<unk>", "unk_token": "<unk>"]
    try writeJSON(special, to: directory + "/special_tokens_map.json")
    var configuration: [String: any Encodable] = special
    configuration["added_tokens_decoder"] = addedTokens(marker: pieces)
    configuration["add_bos_token"] = true
    configuration["add_eos_token"] = false
    configuration["legacy"] = false
    configuration["tokenizer_class"] = "LlamaTokenizer"
    try writeJSON(configuration, to: directory + "/tokenizer_config.json")
    return pieces
  }

  private struct AddedTokenEntry: Encodable {
    let content: String
    let lstrip = false
    let normalized: Bool
    let rstrip = false
    let singleWord = false
    let special: Bool

    private enum CodingKeys: String, CodingKey {
      case content, lstrip, normalized, rstrip, special
      case singleWord = "single_word"
    }
  }

  private static func addedTokens(marker: Int) -> [String: AddedTokenEntry] {
    let special = ["0": "<unk>", "1": "<s>", "2": "</s>"].mapValues {
      AddedTokenEntry(content: $0, normalized: false, special: true)
    }
    let visual = AddedTokenEntry(content: LlamaTokenizer.visualMarker, normalized: true, special: false)
    return special.merging([String(marker): visual]) { first, _ in first }
  }

  static func writeLLM(
    to directory: String, _ shape: Shape, vocabulary: Int, _ weights: inout SyntheticWeights
  ) throws(ModelError) {
    let (d, f) = (shape.llmWidth, shape.llmFeedForward)
    let keyWidth = shape.llmKeyValueHeads * (d / shape.llmHeads)
    weights.add("model.embed_tokens.weight", [vocabulary, d], deviation: 0.6)
    for layer in 0..<shape.llmLayers {
      let name = "model.layers.\(layer)"
      weights.addNorm("\(name).input_layernorm", width: d, hasBias: false)
      weights.addMatrix("\(name).self_attn.q_proj.weight", inputs: d, outputs: d)
      weights.addMatrix("\(name).self_attn.k_proj.weight", inputs: d, outputs: keyWidth)
      weights.addMatrix("\(name).self_attn.v_proj.weight", inputs: d, outputs: keyWidth)
      weights.addMatrix("\(name).self_attn.o_proj.weight", inputs: d, outputs: d)
      weights.addNorm("\(name).post_attention_layernorm", width: d, hasBias: false)
      weights.addMatrix("\(name).mlp.gate_proj.weight", inputs: d, outputs: f)
      weights.addMatrix("\(name).mlp.up_proj.weight", inputs: d, outputs: f)
      weights.addMatrix("\(name).mlp.down_proj.weight", inputs: f, outputs: d)
    }
    weights.addNorm("model.norm", width: d, hasBias: false)
    try SafetensorsWriter.write(weights.take(), to: directory + "/model.safetensors")
    let configuration: [String: any Encodable] = [
      "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": d,
      "intermediate_size": f, "num_hidden_layers": shape.llmLayers, "num_attention_heads": shape.llmHeads,
      "num_key_value_heads": shape.llmKeyValueHeads, "vocab_size": vocabulary, "max_position_embeddings": 4096,
      "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true, "torch_dtype": "float32",
    ]
    try writeJSON(configuration, to: directory + "/config.json")
  }

  static func writeTower(
    to directory: String, _ shape: Shape, _ weights: inout SyntheticWeights
  ) throws(ModelError) {
    if shape.seesByFilters {
      try SafetensorsWriter.write(FilterTower(shape).tensors, to: directory + "/model.safetensors")
      return try writeTowerConfigurations(to: directory, shape)
    }
    let (d, patch) = (shape.visionWidth, shape.patchSize)
    let patches = (shape.imageSize / patch) * (shape.imageSize / patch)
    let root = "vision_model"
    weights.add(
      "\(root).embeddings.patch_embedding.weight", [d, 3, patch, patch],
      deviation: 1.2 / Float(3 * patch * patch).squareRoot())
    weights.add("\(root).embeddings.patch_embedding.bias", [d], deviation: 0.1)
    weights.add("\(root).embeddings.position_embedding.weight", [patches, d], deviation: 0.3)
    for layer in 0..<shape.visionLayers {
      let name = "\(root).encoder.layers.\(layer)"
      weights.addNorm("\(name).layer_norm1", width: d)
      for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
        weights.addLinear("\(name).self_attn.\(part)", inputs: d, outputs: d)
      }
      weights.addNorm("\(name).layer_norm2", width: d)
      addFeedForward("\(name).mlp", shape, &weights)
    }
    weights.addNorm("\(root).post_layernorm", width: d)
    weights.add("\(root).head.probe", [1, 1, d], deviation: 0.6)
    weights.addMatrix("\(root).head.attention.in_proj_weight", inputs: d, outputs: 3 * d)
    weights.add("\(root).head.attention.in_proj_bias", [3 * d], deviation: 0.1)
    weights.addLinear("\(root).head.attention.out_proj", inputs: d, outputs: d)
    weights.addNorm("\(root).head.layernorm", width: d)
    addFeedForward("\(root).head.mlp", shape, &weights)
    try SafetensorsWriter.write(weights.take(), to: directory + "/model.safetensors")
    try writeTowerConfigurations(to: directory, shape)
  }

  private static func addFeedForward(_ name: String, _ shape: Shape, _ weights: inout SyntheticWeights) {
    weights.addLinear("\(name).fc1", inputs: shape.visionWidth, outputs: shape.visionFeedForward)
    weights.addLinear("\(name).fc2", inputs: shape.visionFeedForward, outputs: shape.visionWidth)
  }

  private static func writeTowerConfigurations(to directory: String, _ shape: Shape) throws(ModelError) {
    let tower: [String: any Encodable] = [
      "architectures": ["SiglipVisionModel"], "model_type": "siglip_vision_model", "hidden_size": shape.visionWidth,
      "intermediate_size": shape.visionFeedForward, "num_hidden_layers": shape.visionLayers,
      "num_attention_heads": shape.visionHeads, "num_channels": 3, "image_size": shape.imageSize,
      "patch_size": shape.patchSize, "layer_norm_eps": 1e-6, "hidden_act": "gelu_pytorch_tanh",
    ]
    try writeJSON(tower, to: directory + "/config.json")
    let preparation: [String: any Encodable] = [
      "do_resize": true, "do_rescale": true, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5],
      "image_std": [0.5, 0.5, 0.5], "resample": 3, "rescale_factor": 1.0 / 255.0,
      "size": ["height": shape.imageSize, "width": shape.imageSize], "image_processor_type": "SiglipImageProcessor",
    ]
    try writeJSON(preparation, to: directory + "/preprocessor_config.json")
  }

  static func writeRecModule(
    to directory: String, _ shape: Shape, _ weights: inout SyntheticWeights
  ) throws(ModelError) {
    let (v, d, p) = (shape.visionWidth, shape.llmWidth, shape.spaceDim)
    weights.addLinear("adaptor.proj_v2c", inputs: v, outputs: shape.adaptorWidth)
    weights.addNorm("adaptor.layernorm", width: shape.adaptorWidth)
    weights.addLinear("adaptor.interface", inputs: shape.adaptorWidth, outputs: d)
    for space in Space.allCases {
      let featureDim = [.image: v, .cf: shape.cfFeatureDim, .text: shape.textFeatureDim][space] ?? v
      for (side, inputs) in [(SpaceProjection.Side.item, featureDim), (.user, d)] {
        let name = SpaceProjection.name(side, space) + ".mlp"
        weights.addLinear("\(name).0", inputs: inputs, outputs: 2 * p)
        weights.addNorm("\(name).1", width: 2 * p)
        weights.addLinear("\(name).3", inputs: 2 * p, outputs: p)
      }
    }
    weights.add("rec_token", [1, d], deviation: 0.5)
    try SafetensorsWriter.write(weights.take(), to: directory + "/model.safetensors")
    let configuration: [String: any Encodable] = [
      "model_type": "projector", "visual_encoder": "siglip", "llm_dim": d, "proj_dim": p,
    ]
    try writeJSON(configuration, to: directory + "/config.json")
  }
}
