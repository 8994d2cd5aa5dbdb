// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Models
import TestSupport
import Testing

/// Directories that hold no sentence encoder, or a broken one: every error names the file and what is wrong.
@Suite("A bad sentence encoder is refused by what is wrong")
struct SentenceEncoderProblemTests {
  struct Problem: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: ModelError.Code
    let words: [String]
    let damage: @Sendable (TextEncoderFixture) throws -> Void
  }

  static let problems = [
    Problem(testDescription: "no config.json", code: .notFound, words: ["config.json"]) {
      unlink($0.path("config.json"))
    },
    Problem(testDescription: "no vocabulary", code: .notFound, words: ["vocab.txt", "tokenizer.json"]) {
      unlink($0.path("vocab.txt"))
    },
    Problem(testDescription: "no weights", code: .notFound, words: ["model.safetensors", "pytorch_model.bin"]) {
      unlink($0.path("model.safetensors"))
    },
    Problem(testDescription: "another kind of model", code: .unsupported, words: ["roberta", "bert and mpnet"]) {
      try SyntheticModels.rewriteJSON($0.path("config.json"), ["model_type": "roberta"])
    },
    Problem(testDescription: "another activation", code: .unsupported, words: ["hidden_act", "relu"]) {
      try SyntheticModels.rewriteJSON($0.path("config.json"), ["hidden_act": "relu"])
    },
    Problem(testDescription: "relative BERT", code: .unsupported, words: ["position_embedding_type"]) {
      try SyntheticModels.rewriteJSON($0.path("config.json"), ["position_embedding_type": "relative_key"])
    },
    Problem(testDescription: "a key that stands twice", code: .malformed, words: ["hidden_size", "twice"]) {
      let text = try String(contentsOfFile: $0.path("config.json"), encoding: .utf8)
      try $0.directory.write(text.replacing("{", with: "{\"hidden_size\": 48, ", maxReplacements: 1), to: "config.json")
    },
    Problem(testDescription: "an encoder that decodes", code: .unsupported, words: ["is_decoder", "true"]) {
      try SyntheticModels.rewriteJSON($0.path("config.json"), ["is_decoder": true])
    },
    Problem(testDescription: "quantised weights", code: .unsupported, words: ["quantization_config"]) {
      try SyntheticModels.rewriteJSON($0.path("config.json"), ["quantization_config": ["bits": 4]])
    },
    Problem(testDescription: "a prompt before every text", code: .unsupported, words: ["default_prompt_name", "query"])
    {
      try $0.writeJSON(
        "config_sentence_transformers.json", ["prompts": ["query": "query: "], "default_prompt_name": "query"])
    },
    Problem(testDescription: "heads that do not divide", code: .malformed, words: ["hidden_size 24", "5"]) {
      try SyntheticModels.rewriteJSON($0.path("config.json"), ["num_attention_heads": 5])
    },
    Problem(testDescription: "another vocabulary", code: .malformed, words: ["vocab_size 30", "one checkpoint"]) {
      try SyntheticModels.rewriteJSON($0.path("config.json"), ["vocab_size": 30])
    },
    Problem(testDescription: "a vocabulary of another family", code: .malformed, words: ["[UNK]"]) {
      try $0.directory.write("a\nb\n", to: "vocab.txt")
    },
    Problem(testDescription: "more layers than weights", code: .tensorMismatch, words: ["encoder.layer.2.", "missing"])
    {
      try SyntheticModels.rewriteJSON($0.path("config.json"), ["num_hidden_layers": 3])
    },
    Problem(testDescription: "NaN weights", code: .notFinite, words: ["encoder.layer.1.output.dense.bias: element 3"]) {
      try SyntheticModels.rewrite($0.path("model.safetensors")) { tensors in
        tensors = tensors.map { tensor in
          var values = tensor.values
          if tensor.name == "encoder.layer.1.output.dense.bias" { values[3] = .nan }
          return .init(tensor.name, shape: tensor.shape, values: values)
        }
      }
    },
    Problem(testDescription: "another module", code: .unsupported, words: ["Dense", "modules.json"]) {
      try $0.writeJSON(
        "modules.json", [["path": "", "type": "a.Transformer"], ["path": "2_Dense", "type": "a.Dense"]])
    },
    Problem(testDescription: "another pooling", code: .unsupported, words: ["1_Pooling/config.json", "max"]) {
      try $0.writeJSON(
        "modules.json", [["path": "", "type": "a.Transformer"], ["path": "1_Pooling", "type": "a.Pooling"]])
      try $0.writeJSON("1_Pooling/config.json", ["pooling_mode_max_tokens": true])
    },
    Problem(testDescription: "a module elsewhere", code: .malformed, words: ["../secrets"]) {
      try $0.writeJSON("modules.json", [["path": "../secrets", "type": "a.Transformer"]])
    },
    Problem(testDescription: "texts longer than positions", code: .invalidInput, words: ["max_seq_length", "500"]) {
      try $0.writeJSON("sentence_bert_config.json", ["max_seq_length": 500])
    },
    Problem(testDescription: "another tokenizer", code: .unsupported, words: ["BPE", "WordPiece"]) {
      try $0.writeJSON("tokenizer.json", ["model": ["type": "BPE"]])
    },
  ]

  @Test(arguments: SentenceEncoderTests.families, problems)
  func `Each problem is named`(family: TextEncoderConfiguration.Family, problem: Problem) throws {
    let fixture = try TextEncoderFixture(family)
    try problem.damage(fixture)
    let error = #expect(throws: ModelError.self) {
      try SentenceEncoder(directory: fixture.directory.path, threads: 1)
    }
    #expect(error?.code == problem.code, "\(error?.message ?? "")")
    for word in problem.words { #expect(error?.message.contains(word) == true, "\(error?.message ?? "")") }
  }
}
