import Datasets
import Testing

@testable import CLI

/// Expected texts are those of the published code's expressions.
struct ItemTextTests {
  private func text(_ change: (inout Dataset.Item) -> Void) -> String {
    var item = Dataset.Item(id: "1")
    change(&item)
    return ItemText.of(item)
  }

  @Test func namesEveryFieldThereIs() {
    let whole = text {
      $0.title = "Red lamp"
      $0.brand = "Lumo"
      $0.category = "Lamps"
      $0.features = ["E27 socket", "2 m cable"]
      $0.description = "Warm light."
    }
    #expect(
      whole
        == "Title: Red lamp. Brand: Lumo. Category: Lamps. Feature: E27 socket. Detailed description: Warm light.")
    #expect(text { $0.title = "Mug" } == "Title: Mug.")
    #expect(text { $0.brand = "U.S.A." } == "Brand: U.S.A.")
  }

  @Test func markupIsLeftOut() {
    let found = text {
      $0.title = "Mug"
      $0.features = ["<span>a</span>", "blue", "b"]
      $0.description = "good<br>bad"
    }
    #expect(found == "Title: Mug. Feature: blue.")
    #expect(text { $0.features = ["a<br>"] } == ".")
  }

  @Test func whatIsEmptyIsADot() { #expect(text { _ in } == ".") }
}
