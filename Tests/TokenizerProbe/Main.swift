// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models

/// Prints the ids of texts, a line for each: what scripts/check-tokenizers.py compares with PyPI's tokenizers. Not a product.
///
///     TokenizerProbe DIRECTORY TEXTS [ROUNDS]
///
/// DIRECTORY is a checkpoint's `llm/` and TEXTS a JSON list of texts. With ROUNDS it tokenises all of them as often and prints
/// megabytes per second instead, a line for each round.
@main
struct Main {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard (3...4).contains(arguments.count) else {
      print("usage: TokenizerProbe DIRECTORY TEXTS [ROUNDS]")
      exit(2)
    }
    let tokenizer = try LlamaTokenizer(directory: arguments[1])
    let texts = try JSONDecoder().decode([String].self, from: Data(contentsOf: URL(fileURLWithPath: arguments[2])))
    guard arguments.count == 4, let rounds = Int(arguments[3]) else {
      for text in texts { print(tokenizer.encode([.text(text)]).ids.map(String.init).joined(separator: " ")) }
      return
    }
    let megabytes = Double(texts.reduce(0) { $0 + $1.utf8.count }) / 1e6
    for _ in 0..<rounds {
      let time = ContinuousClock().measure { for text in texts { _ = tokenizer.encode([.text(text)]) } }
      print(megabytes / (time / .seconds(1)))
    }
  }
}
