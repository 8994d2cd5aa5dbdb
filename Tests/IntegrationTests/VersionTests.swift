// SPDX-License-Identifier: Apache-2.0

import ServiceSupport
import Testing

@testable import CLI

/// What `--version` of every executable prints.
@Suite("Every program tells its version")
struct VersionTests {
  @Test(arguments: [
    ("illmrec", ["--version"]), ("illmrec", ["gateway", "--version"]), ("illmrec-encoder", ["--version"]),
    ("illmrec-llm", ["--version"]), ("illmrec-retrieval", ["--version"]),
  ])
  func `Every executable, and the gateway, says the one version of the product`(
    name: String, arguments: [String]
  ) async throws {
    let (exit, output) = try await runExecutable(name, arguments)
    #expect(exit == .code(0))
    #expect(output == Product.version)
  }
}
