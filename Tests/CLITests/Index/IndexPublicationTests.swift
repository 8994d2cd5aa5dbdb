import Testing

@testable import CLI

@Suite("Publication of an index")
struct IndexPublicationTests {
  @Test("categories of a catalog's field")
  func categories() {
    #expect(IndexPublication.categories(in: "") == [])
    #expect(IndexPublication.categories(in: "Home & Kitchen, Lamps") == ["Home & Kitchen, Lamps"])
    #expect(IndexPublication.categories(in: "War| Drama |") == ["War", "Drama"])
    let text = String(repeating: "x", count: 257)
    #expect(IndexPublication.categories(in: "\(text)|War") == ["War"])
  }
}
