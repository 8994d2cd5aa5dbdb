// SPDX-License-Identifier: Apache-2.0

import Datasets
import Items
import Testing

@testable import CLI

/// Expected texts are those of the published code's expressions.
@Suite("An item is told in words")
struct ItemTextTests {
  private func text(_ change: (inout Dataset.Item) -> Void) -> String {
    var item = Dataset.Item(id: "1")
    change(&item)
    return ItemText.of(item)
  }

  @Test func `The text names every field there is`() {
    let whole = text {
      $0.texts.title = "Red lamp"
      $0.texts.brand = "Lumo"
      $0.texts.category = "Lamps"
      $0.features = ["E27 socket", "2 m cable"]
      $0.texts.description = "Warm light."
    }
    #expect(
      whole
        == "Title: Red lamp. Brand: Lumo. Category: Lamps. Feature: E27 socket. Detailed description: Warm light.")
    #expect(text { $0.texts.title = "Mug" } == "Title: Mug.")
    #expect(text { $0.texts.brand = "U.S.A." } == "Brand: U.S.A.")
  }

  @Test func `Markup is left out`() {
    let found = text {
      $0.texts.title = "Mug"
      $0.features = ["<span>a</span>", "blue", "b"]
      $0.texts.description = "good<br>bad"
    }
    #expect(found == "Title: Mug. Feature: blue.")
    #expect(text { $0.features = ["a<br>"] } == ".")
  }

  @Test func `What is empty is a dot`() { #expect(text { _ in } == ".") }
}
