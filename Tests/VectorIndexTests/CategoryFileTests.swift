// SPDX-License-Identifier: Apache-2.0

import Basics
import Testing

@testable import VectorIndex

@Suite("The file of categories has one spelling")
struct CategoryFileTests {
  @Test func `A name that is filled up with something else than zeros is refused`() throws {
    let bytes = ItemCategories(rowsByName: ["shoes": [1, 5]]).encoded()
    let read = try bytes.withUnsafeBytes { bytes throws(VectorIndexError) in
      try ItemCategories(decoding: bytes, itemCount: 9, path: "categories.u32")
    }
    #expect(read.encoded() == bytes)
    var other = bytes
    other[12 + "shoes".utf8.count] = 7
    let error = #expect(throws: VectorIndexError.self) {
      try other.withUnsafeBytes { bytes throws(VectorIndexError) in
        try ItemCategories(decoding: bytes, itemCount: 9, path: "categories.u32")
      }
    }
    #expect(error?.code == .corrupt)
  }
}
