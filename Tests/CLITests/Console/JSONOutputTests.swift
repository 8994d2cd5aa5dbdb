// SPDX-License-Identifier: Apache-2.0

import Foundation
import ServiceAPI
import SwiftProtobuf
import Testing

@testable import CLI

@Suite("JSON for programs") struct JSONOutputTests {
  @Test
  func `Messages have the protos' field names, as requests in JSON do`() throws {
    let served = Retrieval_ServedBy.with {
      $0.version = "items/versions/42"
      $0.servingGeneration = 7
      $0.builtBy.spaceFingerprint = "ab"
    }
    let text = try JSONOutput.text(served)
    for name in ["\"serving_generation\"", "\"built_by\"", "\"space_fingerprint\""] { #expect(text.contains(name)) }
    #expect(try Retrieval_ServedBy(jsonString: text) == served)
    #expect(try JSONOutput.text([served, served]).matches(of: /serving_generation/).count == 2)
  }

  @Test
  func `Documents of the command's own are written in the same style`() throws {
    struct Document: Encodable {
      let perUser: [String: Int]
      let badLines: Int?
    }
    let text = try JSONOutput.text(Document(perUser: ["camelCase": 2], badLines: nil))
    #expect(text == "{\n  \"per_user\": {\n    \"camelCase\": 2\n  }\n}")
  }
}
