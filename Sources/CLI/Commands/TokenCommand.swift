// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import ServiceSupport

struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Make tokens that say who calls.", subcommands: [TokenNewCommand.self])
}

struct TokenNewCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Make a random token, and what a service's policy has of it.",
    discussion: """
      The policy (--policy of a service) holds the token's digest alone, from which nobody learns the token. Whoever calls holds \
      the token in a file (--token-file).

      Examples:
        illmrec token new --out shop.token    writes the token to a file that its owner alone may read
        illmrec token new                     prints the token too
      """)

  @Option(
    help: ArgumentHelp("File to write the token to; one that exists is not replaced.", valueName: "file"),
    transform: NonEmpty.text)
  var out: String?

  func perform() async throws {
    let token = BearerToken.random()
    let terminal = Terminal.standardOutput
    if let out {
      try Self.write(token, to: out)
      terminal.writeLine("token:  in \(VisibleText.of(out))")
    } else {
      terminal.writeLine("token:  \(token.text)")
    }
    terminal.writeLine("policy: \"tokens\": [\"\(token.digest.text)\"]")
  }

  static func write(_ token: BearerToken, to path: String) throws(CLIError) {
    do throws(SystemCallError) {
      try OpenFile.createForOwner(path).write(Array("\(token.text)\n".utf8))
    } catch {
      throw CLIError(.fileAccess, "\(path): the token cannot be written: \(error.reason)", cause: error)
    }
  }
}
