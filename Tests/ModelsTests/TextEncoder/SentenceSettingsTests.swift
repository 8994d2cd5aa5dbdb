// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Models

@Suite("What sentence_bert_config.json says is computed, or refused by its name")
struct SentenceSettingsTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func refusal() -> ModelError? {
    #expect(throws: ModelError.self) { try SentenceModules(directory: directory.path) }
  }

  @Test(
    arguments: [
      (#""tokenizer_args":{"do_lower_case":false}"#, "tokenizer_args with do_lower_case"),
      (#""model_args":{"output_hidden_states":true}"#, "model_args with output_hidden_states"),
      (#""new_key":3"#, "new_key"), (#""transformer_task":"fill-mask""#, "transformer_task"),
    ])
  func `A key that is not computed is refused`(part: (json: String, name: String)) throws {
    try directory.write("{\(part.json)}", to: "sentence_bert_config.json")
    let error = refusal()
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(part.name) == true, "\(error?.message ?? "")")
  }

  @Test func `Keys that say nothing are read over`() throws {
    let keys = #""tokenizer_args":{},"model_args":null,"transformer_task":"feature-extraction""#
    try directory.write(#"{"max_seq_length":7,"do_lower_case":true,\#(keys)}"#, to: "sentence_bert_config.json")
    let modules = try SentenceModules(directory: directory.path)
    #expect(modules.maxTokens == 7 && modules.lowercases)
  }

  @Test func `A file by an early name is refused`() throws {
    try directory.write(#"{"do_lower_case":true}"#, to: "sentence_roberta_config.json")
    #expect(refusal()?.message.contains("sentence_roberta_config.json") == true)
  }
}
