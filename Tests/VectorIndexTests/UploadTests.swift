// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import TestSupport
import Testing
import VectorIndex

@Suite("Uploads are checked")
struct UploadTests {
  let directory: TemporaryDirectory
  let store: VersionStore

  init() throws {
    directory = try TemporaryDirectory(inMemory: true)
    store = try VersionStore(path: directory.path, limits: UploadLimits(maxItems: 40))
  }

  func header(dim: Int = 2, index: String = "items", space: String = "s") -> UploadHeader {
    UploadHeader(index: index, builtBy: BuiltBy(spaceFingerprint: space), dim: dim)
  }

  func expect(
    _ code: VectorIndexError.Code, mentioning words: String..., in body: () throws -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: VectorIndexError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error?.code == code, sourceLocation: sourceLocation)
    for word in words {
      #expect(error?.message.contains(word) == true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: ["", "Items", ".a", "a/b", "..", "a b", "é"])
  func `Headers that no version can be made of are refused`(name: String) {
    expect(.invalidIndexName, mentioning: "'\(name)'") { _ = try store.beginUpload(header(index: name)) }
  }

  @Test
  func `A header needs a dimension, a space fingerprint and bounded texts`() throws {
    expect(.invalidHeader, mentioning: "dim is 0") { _ = try store.beginUpload(header(dim: 0)) }
    expect(.invalidHeader, mentioning: "dim is 65537") { _ = try store.beginUpload(header(dim: 65_537)) }
    expect(.invalidHeader, mentioning: "space_fingerprint") { _ = try store.beginUpload(header(space: "")) }
    var labelled = header()
    labelled.labels = ["note": String(repeating: "x", count: 70_000)]
    expect(.invalidHeader, mentioning: "'note' has 70004 bytes", "1024") { _ = try store.beginUpload(labelled) }
    var named = header()
    named.requestID = String(repeating: "x", count: 2000)
    expect(.invalidHeader, mentioning: "request_id", "1024") { _ = try store.beginUpload(named) }
    #expect(directory.entries("staging").isEmpty)
  }

  @Test
  func `Chunks with wrong sizes, values or ids are refused by name`() throws {
    expect(.dimensionMismatch, mentioning: "2 items", "3 vector elements") {
      try store.beginUpload(header()).append(itemIDs: ["a", "b"], values: [1, 2, 3])
    }
    expect(.notFinite, mentioning: "element 1", "'b'", "nan") {
      try store.beginUpload(header()).append(itemIDs: ["a", "b"], values: [1, 2, 3, .nan])
    }
    expect(.notFinite, mentioning: "element 0", "'a'", "inf") {
      try store.beginUpload(header()).append(itemIDs: ["a"], values: [.infinity, 0])
    }
    expect(.itemIDMissing, mentioning: "0 bytes") {
      try store.beginUpload(header()).append(itemIDs: [""], values: [1, 2])
    }
    expect(.itemIDTooLong, mentioning: "513 bytes", "1 to 512") {
      try store.beginUpload(header()).append(itemIDs: [String(repeating: "x", count: 513)], values: [1, 2])
    }
    expect(.tooManyItems, mentioning: "40 items") {
      let upload = try store.beginUpload(header())
      try upload.append(itemIDs: (0..<40).map(String.init), values: Array(repeating: 0, count: 80))
      try upload.append(itemIDs: ["one more"], values: [0, 0])
    }
    #expect(directory.entries("staging").isEmpty, "a refused upload leaves nothing")
  }

  @Test
  func `A vector so long that no query could be answered is refused by its item; the longest that may be is searched`()
    throws
  {
    expect(.scoreOverflow, mentioning: "'b'", "norm", "leave the item out") {
      try store.beginUpload(header()).append(itemIDs: ["a", "b"], values: [1, 2, 2e37, 2e37])
    }
    let upload = try store.beginUpload(header())
    let longest: Float = 0x1p63
    try upload.append(itemIDs: ["a", "b"], values: [longest, 0, 1, 1])
    _ = try store.publish(upload, expectedItems: 2)
    let version = try store.resolve(index: "items").version
    let queries = [[longest, 0], [0, -longest], [1, 2], [.greatestFiniteMagnitude, 0]].map {
      SearchQuery(vector: $0, k: 2)
    }
    let found = try Searcher(threads: 1).search(queries, in: version)
    #expect(found.map { (try? $0.get())?.count } == [2, 2, 2, nil], "too long a query fails alone")
    #expect(try found[0].get()[0] == ScoredItem(itemID: "a", score: 0x1p126))
  }

  @Test(arguments: [[0, 1, 2, 3], [3, 2, 1, 0]])
  func `An item that comes twice is refused by name and places`(order: [Int]) throws {
    let ids = order.map { ["a", "b", "b", "c"][$0] }
    let catalog = Catalog(ids: ids, vectors: [[1, 0], [2, 0], [3, 0], [4, 0]])
    expect(.duplicateItem, mentioning: "'b'", "items 2 and 3") { try store.publish(catalog) }
    expect(.indexNotFound) { _ = try store.servingState(of: "items") }
    #expect(directory.entries("staging").isEmpty)
  }

  @Test
  func `No items, a wrong count and a second end are refused`() throws {
    expect(.emptyUpload) { _ = try store.publish(store.beginUpload(header()), expectedItems: 0) }
    let short = try store.beginUpload(header())
    try short.append(itemIDs: ["a"], values: [1, 2])
    expect(.itemCountMismatch, mentioning: "1 items arrived", "says 2") {
      _ = try store.publish(short, expectedItems: 2)
    }
    let upload = try store.beginUpload(header())
    try upload.append(itemIDs: ["a"], values: [1, 2])
    _ = try store.publish(upload, expectedItems: 1)
    expect(.uploadEnded) { try upload.append(itemIDs: ["b"], values: [1, 2]) }
    expect(.uploadEnded) { _ = try store.publish(upload, expectedItems: 1) }
    #expect(directory.entries("staging").isEmpty)
  }

  @Test
  func `An upload that is dropped leaves nothing behind`() throws {
    do {
      let upload = try store.beginUpload(header())
      try upload.append(itemIDs: ["a"], values: [1, 2])
      #expect(directory.entries("staging").count == 1)
    }
    #expect(directory.entries("staging").isEmpty)
  }

  @Test
  func `The contents' fingerprint depends on every value, not on the order of arrival`() throws {
    let ascending = Catalog(count: 30, dim: 3, seed: 1, shuffled: false)
    var reversed = ascending
    reversed.ids.reverse()
    reversed.values = (0..<30).reversed().flatMap { ascending.values[$0 * 3..<$0 * 3 + 3] }
    var changed = ascending
    changed.values[40].negate()
    let first = try store.publish(ascending).info.fingerprint
    #expect(try store.publish(reversed).info.fingerprint == first)
    #expect(try store.publish(changed).info.fingerprint != first)
    #expect(first.count == 64)
  }
}
