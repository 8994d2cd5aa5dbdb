// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where the processes of a stack listen, each "host:port".
struct ServiceEndpoints: Codable, Sendable, Equatable {
  var encoder: String
  var llm: String
  var retrieval: String
  /// Nil for a stack without one.
  var gateway: String?
  /// Of the process that runs the stack: ending it ends the stack.
  var pid: Int32

  subscript(member: StackMember) -> String? {
    switch member {
    case .encoder: encoder
    case .llm: llm
    case .retrieval: retrieval
    case .gateway: gateway
    }
  }

  /// Writes a JSON object; whoever sees the file sees all of it.
  func write(to path: String) throws(CLIError) {
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try encoder.encode(self).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw CLIError(.fileAccess, "\(path): the endpoints cannot be written: \(InputFile.reason(error))", cause: error)
    }
  }

  /// Reads what `write(to:)` wrote.
  static func read(from path: String) throws(CLIError) -> ServiceEndpoints {
    let bytes = try InputFile.bytes(of: path, what: "the endpoints file")
    do {
      return try JSONDecoder().decode(ServiceEndpoints.self, from: bytes)
    } catch {
      throw CLIError(
        .invalidInput, "\(path): not an endpoints file as illmrec up --endpoints-file writes it", cause: error)
    }
  }
}
