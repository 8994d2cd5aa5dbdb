// SPDX-License-Identifier: Apache-2.0

extension TokenizerClass {
  /// What to tell whoever loads a `tokenizer.json` that version 5 of transformers reads in part: its classes for GPT-2, Qwen2, LLaMA and
  /// Gemma take vocabulary, merges and the tokens around a text from it, and prepare texts in a way of their own. Version 4 and
  /// tokenizers read all of it, as is done here.
  ///
  /// - Parameters:
  ///   - name: of `tokenizer_class`.
  ///   - path: of the file.
  /// - Returns: nil where both come to the same, and for classes that read the whole file.
  static func remark(on parts: TokenizerPipeline.Parts, named name: String?, _ path: String) -> String? {
    guard let name, case .bytePairs(let model) = parts.model else { return nil }
    let normalizer = parts.normalizer.steps
    // The space before a text is heeded apart.
    let steps = parts.preTokenizer.steps.filter { if case .space = $0 { false } else { true } }
    let isSame: Bool
    switch name.hasSuffix("Fast") ? String(name.dropLast(4)) : name {
    case "GPT2Tokenizer": isSame = normalizer.isEmpty && cuts(steps, by: .gpt2) && model.mergesAllBytes
    case "Qwen2Tokenizer":
      let composes = normalizer.count == 1 && normalizer.contains { if case .form(.nfc) = $0 { true } else { false } }
      isSame = composes && cuts(steps, by: .qwen2) && model.mergesAllBytes
    // It leaves byte-level files as they are.
    case "LlamaTokenizer" where model.isByteLevel: isSame = true
    case "LlamaTokenizer":
      isSame = normalizer.isEmpty && steps.count == 1 && steps.allSatisfy(isMetaspace) && model.fallsBack
    case "GemmaTokenizer":
      isSame =
        normalizer.count == 1 && normalizer.allSatisfy(isMetaspace) && steps.allSatisfy(isCutAtSpaces)
        && model.fallsBack
    default: return nil
    }
    guard !isSame else { return nil }
    return
      "\(path) prepares texts otherwise than \(name) of transformers 5 does, which reads no more than the vocabulary of it and may come "
      + "to other tokens; here the whole file counts, as in tokenizers and transformers 4. For a model that was trained with "
      + "transformers 5, save the tokenizer with that again"
  }

  private static func cuts(_ steps: [PreTokenizer.Step], by pattern: WordPattern) -> Bool {
    guard steps.count == 1, case .pattern(let known) = steps[0] else { return false }
    return known == pattern
  }

  private static let underline = Array("\u{2581}".utf8)

  private static func isMetaspace(_ step: PreTokenizer.Step) -> Bool {
    guard case .metaspace(let replacement, _, splits: false) = step else { return false }
    return replacement == underline
  }

  private static func isMetaspace(_ step: TextNormalizer.Step) -> Bool {
    guard case .replace(let pattern, let content) = step else { return false }
    return pattern == [0x20] && content == underline
  }

  /// No space is left by then.
  private static func isCutAtSpaces(_ step: PreTokenizer.Step) -> Bool {
    guard case .split(let pattern, _) = step else { return false }
    return pattern == [0x20]
  }
}

extension BytePairModel {
  fileprivate var isByteLevel: Bool { if case .bytes = alphabet { true } else { false } }

  /// Of bytes, by merges alone.
  fileprivate var mergesAllBytes: Bool { isByteLevel && words == nil && fallback == nil }

  /// Of characters, with bytes for those that it lacks.
  fileprivate var fallsBack: Bool { !isByteLevel && words == nil && fallback != nil }
}
