// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Datasets

@Suite("Interaction files are read")
struct InteractionFileTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test
  func `A user's items are in the order of their times; equal times as the file has them`() throws {
    let path = try directory.write(
      "user_id,item_id,rating,timestamp\n1,c,5,30\n2,x,1,1\n1,a,4,10\n1,b,3,10\n", to: "interactions.csv")
    #expect(try InteractionFile.history(of: "1", in: path) == ["a", "b", "c"])
  }

  @Test
  func `Without times the file's order counts; tabs separate a .tsv`() throws {
    let path = try directory.write("user_id\tasin\nu\tb\nu\ta\n", to: "interactions.tsv")
    #expect(try InteractionFile.history(of: "u", in: path) == ["b", "a"])
  }

  @Test(arguments: [
    ("item_id\n1\n", ":1"), ("user_id,item_id,timestamp\nu,a,soon\n", ":2"), ("user_id,item_id\nv,a\n", "\"u\""),
    ("user_id,item_id\nu,a,b\n", ":2"), ("user_id,item_id\nu,\"a\n", ":2"),
  ])
  func `What cannot be used is refused, by file and line`(text: String, place: String) throws {
    let path = try directory.write(text, to: "interactions.csv")
    let error = #expect(throws: DatasetError.self) { try InteractionFile.history(of: "u", in: path) }
    #expect(error?.message.contains(place) == true, "\(error?.message ?? "")")
  }
}
