// SPDX-License-Identifier: Apache-2.0

/// How byte-level tokenizers of GGUF files cut texts, by the name that llama.cpp gives it.
///
/// - Source: `llama_vocab::impl::load` and `llm_tokenizer_bpe` of llama.cpp; normalisation, which they leave out, as in the models'
///   own `tokenizer.json`.
struct GGUFWordPattern {
  let preTokenizer: PreTokenizer
  let normalizer: TextNormalizer
  /// Whole words are looked up before any merge.
  let findsWholeWords: Bool
  /// Where the file does not say `add_bos_token`.
  let addsBeginning: Bool

  private enum Family: String { case gpt2 = "GPT-2", digits = "SmolLM", llama3 = "Llama 3", qwen2 = "Qwen2" }

  private static let families: [String: Family] = [
    "gpt-2": .gpt2, "phi-2": .gpt2, "mpt": .gpt2, "olmo": .gpt2, "smollm": .digits, "starcoder": .digits,
    "refact": .digits, "command-r": .digits, "codeshell": .digits, "llama-bpe": .llama3, "llama3": .llama3,
    "llama-v3": .llama3, "falcon3": .llama3, "qwen2": .qwen2, "deepseek-r1-qwen": .qwen2,
  ]

  /// Nil for a name that stands for another pattern, or for none.
  init?(named name: String) {
    guard let family = Self.families[name] else { return nil }
    var (steps, normalizer) = (PreTokenizer(), TextNormalizer())
    switch family {
    case .gpt2: steps.steps = [.pattern(.gpt2)]
    case .digits: steps.steps = [.digits(individual: true), .pattern(.gpt2)]
    case .llama3: steps.steps = [.pattern(.llama3)]
    case .qwen2:
      steps.steps = [.pattern(.qwen2)]
      normalizer.steps = [.form(.nfc)]
    }
    (preTokenizer, self.normalizer) = (steps, normalizer)
    (findsWholeWords, addsBeginning) = (family == .llama3, family == .llama3)
  }

  static var knownNames: String { families.keys.sorted().joined(separator: ", ") }
}
