// SPDX-License-Identifier: Apache-2.0

/// How a class of transformers reads `tokenizer_config.json` beside `tokenizer.json`, in its versions 4.57 and 5.24.
enum TokenizerClass: Sendable {
  /// It takes the tokens around a text from `tokenizer.json`; 4 takes the space before a text from the configuration, and 5 does not.
  case general
  /// GPT-2's and Qwen2's, which take the tokens around a text from `tokenizer.json`, and the space before it from the configuration.
  case byteLevel
  /// LLaMA's and those like it: 4 takes the tokens around a text from the configuration, and 5 from `tokenizer.json`.
  case llama
  /// One that is not known here.
  case other

  private static let names: [String: TokenizerClass] = [
    "PreTrainedTokenizer": .general, "TokenizersBackend": .general, "GPT2Tokenizer": .byteLevel,
    "Qwen2Tokenizer": .byteLevel, "LlamaTokenizer": .llama, "CodeLlamaTokenizer": .llama, "GemmaTokenizer": .llama,
    "CohereTokenizer": .llama,
  ]

  /// - Parameter name: as `tokenizer_class` has it, with or without the ending `Fast`.
  init(named name: String?) {
    let name = name ?? ""
    self = Self.names[name.hasSuffix("Fast") ? String(name.dropLast(4)) : name] ?? .other
  }
}
