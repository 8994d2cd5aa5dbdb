// SPDX-License-Identifier: Apache-2.0

import Basics
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
  /// A file that the process holds locked (`flock`) for as long as the services live; nil in files of earlier sources.
  var stateLock: String?
  /// Where each tells over HTTP how it is, by its name; nil for a stack whose services do not, and in files of earlier sources.
  var http: [String: String]?

  private enum CodingKeys: String, CodingKey {
    case encoder, llm, retrieval, gateway, pid, http
    case stateLock = "state_lock"
  }

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
      throw CLIError(.fileAccess, "\(path): the endpoints cannot be written: \(ErrorText.of(error))", cause: error)
    }
  }

  /// Reads what `write(to:)` wrote.
  ///
  /// - Throws: CLIError also where the services are gone: a kill -9 leaves the file behind.
  static func read(from path: String) throws(CLIError) -> ServiceEndpoints {
    let endpoints = try parse(path)
    guard endpoints.isAlive else {
      throw CLIError(
        .service,
        "\(path): the services that it names are not running; illmrec up (pid \(endpoints.pid)) was killed and left the file. "
          + "Start them again with illmrec up --checkpoint DIR --endpoints-file \(path)")
    }
    return endpoints
  }

  /// Makes way for a file of a new stack: one that a killed stack left would be taken for it.
  ///
  /// - Throws: CLIError where the file is another running stack's, or no endpoints file.
  static func removeStale(_ path: String) throws(CLIError) {
    try OutputFile.requireWritable(path)
    guard access(path, F_OK) == 0 else { return }
    let endpoints = try parse(path)
    guard !endpoints.isAlive else {
      throw CLIError(
        .fileAccess,
        "\(path): the services of another illmrec up (pid \(endpoints.pid)) are named here; stop it, or name another "
          + "--endpoints-file")
    }
    unlink(path)
  }

  private var isAlive: Bool {
    guard let stateLock else { return kill(pid, 0) == 0 || errno != ESRCH }
    return FileLock.isHeld(stateLock)
  }

  private static func parse(_ path: String) throws(CLIError) -> ServiceEndpoints {
    let bytes = try InputFile.bytes(of: path, what: "the endpoints file")
    do {
      return try JSONDecoder().decode(ServiceEndpoints.self, from: bytes)
    } catch {
      throw CLIError(
        .invalidInput, "\(path): not an endpoints file as illmrec up --endpoints-file writes it", cause: error)
    }
  }
}
