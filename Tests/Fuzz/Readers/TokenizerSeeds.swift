// SPDX-License-Identifier: Apache-2.0

/// Tokenizers to begin with.
enum TokenizerSeeds {
  static let files = [
    "byte-level": byteLevel, "metaspace": metaspace, "unigram": unigram, "normalised": normalised,
    "configured": byteLevel + "\u{1E}" + configuration,
  ]

  private static let marker =
    #"{"id": 9, "content": "<i_vis>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}"#

  private static let byteLevel = """
    {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [{"id": 8, "content": "<s>", "single_word": true,
      "lstrip": true, "rstrip": false, "normalized": true, "special": true}, \(marker)], "normalizer": {"type": "NFC"},
     "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
     "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
      {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [8],
      "tokens": ["<s>"]}}}, "decoder": {"type": "ByteLevel"},
     "model": {"type": "BPE", "dropout": null, "unk_token": "a", "continuing_subword_prefix": null,
      "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": true,
      "vocab": {"a": 0, "b": 1, "r": 2, "e": 3, "d": 4, "re": 5, "red": 6, "Ġ": 7}, "merges": ["r e", ["re", "d"]]}}
    """

  private static let metaspace = """
    {"added_tokens": [], "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}, {"type": "Strip"}]},
     "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true},
     "post_processor": {"type": "BertProcessing", "sep": ["a", 1], "cls": ["b", 2]},
     "model": {"type": "BPE", "byte_fallback": true, "fuse_unk": true, "unk_token": "<unk>",
      "vocab": {"<unk>": 0, "a": 1, "b": 2, "▁": 3, "▁a": 4, "<0xC3>": 5, "<0xA9>": 6}, "merges": ["▁ a"]}}
    """

  private static let unigram = """
    {"added_tokens": [], "normalizer": {"type": "Precompiled", "precompiled_charsmap": "\(mapText)"},
     "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
      {"type": "Digits", "individual_digits": true}, {"type": "Metaspace", "replacement": "▁", "add_prefix_space": true}]},
     "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false,
      "vocab": [["<unk>", 0.0], ["▁", -1.5], ["a", -2e0], ["▁red", -3.25], ["Caf", -4], ["é", -12345678901234567890.5]]}}
    """

  private static let normalised = """
    {"added_tokens": [], "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"},
      {"type": "Lowercase"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
     "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"String": "e"},
      "behavior": "MergedWithPrevious", "invert": false}, {"type": "Split", "pattern": {"Regex":
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"},
      "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
     "model": {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}
    """

  private static let configuration = """
    {"add_bos_token": true, "add_eos_token": false, "add_prefix_space": true, "bos_token": "<s>", "legacy": false,
     "eos_token": {"content": "<s>", "lstrip": false}, "tokenizer_class": "GPT2TokenizerFast",
     "added_tokens_decoder": {"8": {"content": "<s>", "special": true}}}
    """

  static let wordPiece = """
    {"added_tokens": [{"id": 4, "content": "[MASK]", "single_word": false, "normalized": false}],
     "normalizer": {"type": "BertNormalizer", "lowercase": true, "strip_accents": null, "handle_chinese_chars": true},
     "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
     "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "red": 5, "ch": 6, "##air": 7, "caf": 8,
     "##e": 9, ",": 10, "<s>": 11, "</s>": 12, "<unk>": 13}}}
    """

  /// A trie in which A leads to the text "aé", and the texts.
  static let characterMap: [UInt8] = {
    var units = [UInt32](repeating: 0, count: 128)
    units[0] = 32 << 10
    units[32 ^ 0x41] = UInt32((32 ^ 0x41) ^ 8) << 10 | 1 << 8 | 0x41
    units[8] = 0x8000_0000 | 2
    let words = [UInt32(units.count * 4)] + units
    return words.flatMap { ZipSeed.number(Int($0), 4) } + Array("z\0aé\0".utf8)
  }()

  private static let mapText = String(
    decoding: characterMap.withUnsafeBytes { base64($0) }, as: UTF8.self)

  static func base64(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = (0..<3).map { start + $0 < bytes.count ? Int(bytes[start + $0]) : 0 }
      let bits = group[0] << 16 | group[1] << 8 | group[2]
      let used = min(bytes.count - start, 3)
      text += (0..<4).map { $0 <= used ? letters[bits >> (18 - 6 * $0) & 63] : UInt8(ascii: "=") }
    }
    return text
  }
}
