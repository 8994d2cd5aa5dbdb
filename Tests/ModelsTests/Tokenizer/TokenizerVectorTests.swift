// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

/// Texts and their tokens, as published with llama.cpp for LLaMA's vocabulary.
@Suite(
  "Published texts have their published tokens",
  .enabled(if: SharedFiles.has("weights/llama-tokenizer"), "set ILLMREC_SHARED to the directory that holds weights/"))
struct TokenizerVectorTests {
  @Test func `Every text has the expected tokens`() throws {
    let directory = "\(SharedFiles.root)/weights/llama-tokenizer"
    let inputs = try String(contentsOfFile: directory + "/ggml-vocab-llama-spm.gguf.inp", encoding: .utf8)
      .components(separatedBy: "\n__ggml_vocab_test__\n")
    let outputs = try String(contentsOfFile: directory + "/ggml-vocab-llama-spm.gguf.out", encoding: .utf8)
      .components(separatedBy: "\n")
    let tokenizer = try LlamaTokenizer(directory: directory)
    #expect(inputs.count == 47)
    #expect(outputs.count == inputs.count)
    for (text, ids) in zip(inputs, outputs) {
      #expect(
        tokenizer.encodeWithoutBeginning(text) == ids.split(separator: " ").compactMap { Int32($0) },
        "\(text.debugDescription)")
    }
    #expect(tokenizer.visualMarkerID == 32000)
  }
}
