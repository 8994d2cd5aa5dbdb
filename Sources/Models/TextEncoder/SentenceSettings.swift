// SPDX-License-Identifier: Apache-2.0

import Basics

/// The keys of `sentence_bert_config.json`, by which sentence-transformers makes a model and its tokenizer.
///
/// - Source: sentence-transformers, `models/Transformer.py`.
enum SentenceSettings {
  private static let name = "sentence_bert_config.json"
  private static let known: Set<String> = ["max_seq_length", "do_lower_case"]
  /// What versions from 5 on write for every model of texts.
  private static let standard: [String: JSONValue] = [
    "transformer_task": .string("feature-extraction"),
    "module_output_name": .string("token_embeddings"),
    "modality_config": .object([
      "text": .object(["method": .string("forward"), "method_output_name": .string("last_hidden_state")])
    ]),
  ]
  /// The file's names in early versions, in which it is looked for in this order.
  private static let earlier = ["roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"]
    .map { "sentence_\($0)_config.json" }

  /// Refuses keys that are not computed with, such as `tokenizer_args`, by their names.
  static func require(in directory: String) throws(ModelError) {
    let path = "\(directory)/\(name)"
    guard let keys = try JSONText.decodeIfPresent([String: JSONValue].self, from: path) else {
      return try refuseEarlier(in: directory)
    }
    for (key, value) in keys.sorted(by: { $0.key < $1.key }) where !known.contains(key) {
      guard value != .null, value != .object([:]), value != standard[key] else { continue }
      throw ModelError(
        .unsupported,
        "\(path) has \(key)\(members(value)), which is not computed with; write what it says of the tokenizer in "
          + "tokenizer_config.json and of the model in config.json, and take it away")
    }
  }

  /// ` with do_lower_case`
  private static func members(_ value: JSONValue) -> String {
    guard let names = value.object?.keys.sorted() else { return "" }
    return " with " + names.joined(separator: ", ")
  }

  private static func refuseEarlier(in directory: String) throws(ModelError) {
    guard let other = earlier.first(where: { CheckpointLocation.exists("\(directory)/\($0)") }) else { return }
    throw ModelError(.unsupported, "\(directory)/\(other) is not read by this name; rename it to \(name)")
  }
}
