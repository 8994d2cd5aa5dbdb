// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCTransport
import ServiceAPI
import SwiftProtobuf
import TestSupport

/// The service as a process of its own, to be killed.
final class ServiceProcess {
  /// Beside the test's own executable, `swift build --build-tests` makes both; or in the folder that ILLMREC_PROGRAMS names, for times
  /// of a release build.
  static let executable = folder.appendingPathComponent("illmrec-retrieval").path
  private static let folder =
    ProcessInfo.processInfo.environment["ILLMREC_PROGRAMS"].map { URL(fileURLWithPath: $0) }
    ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()

  static var isBuilt: Bool { FileManager.default.isExecutableFile(atPath: executable) }

  struct DidNotStart: Error {
    let reason: String
  }

  private let process = Process()
  private let portFile: String

  /// Starts the service on any free port.
  init(data: String, flags: [String] = []) throws {
    portFile = "\(data)-port-\(UUID().uuidString)"
    process.executableURL = URL(fileURLWithPath: Self.executable)
    // A test that waits for processors may send nothing for minutes.
    process.arguments =
      ["--data", data, "--port", "0", "--port-file", portFile, "--upload-idle-timeout", "86400"] + flags
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  deinit {
    kill()
    try? FileManager.default.removeItem(atPath: portFile)
  }

  /// Asks it to end, as `kill` does.
  var askToEnd: @Sendable () -> Void {
    let identifier = process.processIdentifier
    return { Glibc.kill(identifier, SIGTERM) }
  }

  var hasEnded: Bool { !process.isRunning }

  /// Ends it as `kill -9` does, and waits until it is gone.
  func kill() {
    guard process.isRunning else { return }
    Glibc.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Runs `body` with a client, once the service takes requests.
  func withAdmin<Value: Sendable>(
    _ body: (RemoteRetrieval) async throws -> Value
  ) async throws -> Value {
    let transport = try CGrpcClientTransport(target: "ipv4:127.0.0.1:\(try await port())")
    return try await withRunningClient(transport: transport) { client in
      try await body(
        RemoteRetrieval(
          search: Retrieval_RetrievalService.Client(wrapping: client),
          admin: Retrieval_IndexAdminService.Client(wrapping: client)))
    }
  }

  /// Waits as long as the service runs: where the tests wait for processors, a limit of this wait's own would pass while nobody
  /// looks at the file. The suite's time limit ends a wait in vain.
  private func port() async throws -> Int {
    while true {
      if let text = try? String(contentsOfFile: portFile, encoding: .utf8),
        let port = Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
      {
        return port
      }
      guard process.isRunning else { throw DidNotStart(reason: "it ended with \(process.terminationStatus)") }
      try await Task.sleep(for: .milliseconds(2))
    }
  }
}

/// Clients of a retrieval service in another process.
struct RemoteRetrieval: Sendable {
  let search: Retrieval_RetrievalService.Client<CGrpcClientTransport>
  let admin: Retrieval_IndexAdminService.Client<CGrpcClientTransport>

  /// Uploads a catalog and makes it stable.
  func serve(_ catalog: Catalog, requestID: String) async throws {
    let name = try await publish(catalog, requestID)
    _ = try await admin.promoteVersion(.with { $0.version = name })
  }

  /// Uploads a catalog; returns the version's name.
  @discardableResult
  func publish(_ catalog: Catalog, _ requestID: String) async throws -> String {
    let messages = catalog.upload(requestID: requestID, chunk: 200)
    return try await admin.createVersion { writer in
      for message in messages { try await writer.write(message) }
    }.version.name
  }
}
