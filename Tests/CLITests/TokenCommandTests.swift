// SPDX-License-Identifier: Apache-2.0

import Foundation
import ServiceSupport
import TestSupport
import Testing

@testable import CLI

@Suite("A token is made for its owner alone") struct TokenCommandTests {
  @Test func `Its file is 0600, holds the token, and is never replaced`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("shop.token")
    let token = BearerToken.random()
    try TokenNewCommand.write(token, to: path)
    #expect(directory.text("shop.token") == token.text + "\n")
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try TokenFile(path).token.text == token.text)
    let error = #expect(throws: CLIError.self) { try TokenNewCommand.write(.random(), to: path) }
    #expect(error?.message.contains("File exists") == true)
    #expect(directory.text("shop.token") == token.text + "\n")
  }
}
