import Testing

@testable import Datasets

@Suite("Catalog files")
struct CatalogReaderTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test("JSON lines: numbers, lists and missing fields")
  func jsonLines() throws {
    let path = try directory.file(
      "items.jsonl",
      """
      {"item_id": 7, "title": "Lamp", "genres": ["Home", "Light"], "description": ["One.", "Two."], "image": "i/7.jpg"}

      {"asin": "B00", "brand": "Tarn"}
      """)
    let catalog = try CatalogReader.read(path)
    #expect(catalog.problems.isEmpty)
    #expect(
      catalog.items == [
        CatalogItem(
          id: "7", title: "Lamp", category: "Home, Light", description: "One. Two.", image: "i/7.jpg", line: 1),
        CatalogItem(id: "B00", brand: "Tarn", line: 3),
      ])
  }

  @Test("A bad record is named by file and line, and the others are kept")
  func badRecords() throws {
    let path = try directory.file(
      "items.jsonl", "{\"item_id\": \"a\"}\nnot json\n{\"title\": \"no id\"}\n{\"item_id\": \"a\"}\n")
    let catalog = try CatalogReader.read(path)
    #expect(catalog.items.map(\.id) == ["a"])
    #expect(catalog.problems.map(\.place) == ["\(path):2", "\(path):3", "\(path):4"])
    #expect(catalog.problems[2].message.contains("\(path):1"))
  }

  @Test("CSV with quotes, and a row with too many fields")
  func csv() throws {
    let path = try directory.file(
      "items.csv", "item_id,title,category\r\n1,\"Lamp, \"\"brass\"\"\",Home\r\n2,\"two\nlines\",Home\r\n3,a,b,c\r\n")
    let catalog = try CatalogReader.read(path)
    #expect(catalog.items.map(\.title) == ["Lamp, \"brass\"", "two\nlines"])
    #expect(catalog.items.map(\.line) == [2, 3])
    #expect(catalog.problems.map(\.place) == ["\(path):5"])
  }

  @Test("The published code's meta_info.json")
  func metaInfo() throws {
    let path = try directory.file("meta_info.json", #"{"B2": {"title": "two"}, "B1": {"title": "one"}, "B3": 4}"#)
    let catalog = try CatalogReader.read(path)
    #expect(catalog.items.map(\.id) == ["B1", "B2"])
    #expect(catalog.problems.map(\.itemID) == ["B3"])
  }

  @Test(
    "A file that is no catalog is refused with its name",
    arguments: [("empty.jsonl", ""), ("items.csv", "title\nLamp\n"), ("items.json", "[]"), ("items.txt", "x")])
  func refused(name: String, text: String) throws {
    let path = try directory.file(name, text)
    let error = #expect(throws: DatasetError.self) { try CatalogReader.read(path) }
    #expect(error?.message.contains(path) == true)
  }

  @Test("A missing file is refused with its name")
  func missing() {
    let error = #expect(throws: DatasetError.self) { try CatalogReader.read("/nowhere/items.jsonl") }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("/nowhere/items.jsonl") == true)
  }

  @Test("An item's image: as named, under --images, or by its id")
  func images() throws {
    let catalog = try directory.file("items.jsonl", "")
    _ = try directory.file("pictures/a.jpg", "x")
    _ = try directory.file("images/b.png", "x")
    let pictures = ImageLocator(directory: directory.path + "/pictures", catalogFile: catalog)
    #expect(pictures.path(of: CatalogItem(id: "1", image: "images/a.jpg")) == directory.path + "/pictures/a.jpg")
    #expect(pictures.path(of: CatalogItem(id: "2", image: "c.jpg")) == nil)
    let beside = ImageLocator(directory: nil, catalogFile: catalog)
    #expect(beside.path(of: CatalogItem(id: "b")) == directory.path + "/images/b.png")
    #expect(beside.expectedPath(of: CatalogItem(id: "c")) == directory.path + "/images/c.jpg")
  }
}
