// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import Glibc
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import CLI

/// `illmrec up` as a person runs it.
@Suite("illmrec up runs the stack", .timeLimit(.minutes(60))) struct UpTests {
  private let directory: TemporaryDirectory
  private var endpointsFile: String { directory.file("endpoints.json") }
  private var state: String { directory.file("state") }

  init() throws { directory = try TemporaryDirectory() }

  private func arguments(_ more: [String] = []) throws -> [String] {
    [
      "up", "--checkpoint", try TestShop.checkpoint(), "--state", state, "--any-ports", "--endpoints-file",
      endpointsFile,
    ]
      + more
  }

  /// Runs `body` once all services take requests.
  private func withUp(
    _ body: (_ up: ChildProcess, _ endpoints: ServiceEndpoints, _ output: Recorder<String>) async throws -> Void
  ) async throws {
    let output = Recorder<String>()
    let up = try ChildProcess(
      name: "up", executable: "\(StackConfiguration.ownDirectory)/illmrec", arguments: try arguments(),
      onLine: output.note)
    do {
      try await waitUntil {
        try #require(up.exit == nil, "illmrec up ended: \(output.text)")
        return FileManager.default.fileExists(atPath: endpointsFile)
      }
      try await body(up, try ServiceEndpoints.read(from: endpointsFile), output)
    } catch {
      await up.stop(within: .seconds(30))
      throw error
    }
    await up.stop(within: .seconds(30))
  }

  @Test func `The stack serves until it is interrupted`() async throws {
    try await withUp { up, endpoints, output in
      #expect(endpoints.pid == up.pid)
      let info = try await withClient(target: endpoints.gateway ?? "") { try await $0.gateway.getServerInfo(.init()) }
      #expect(info.encoderTarget == endpoints.encoder)
      // On free ports too, each is told of the others before they listen.
      let retrieval = Self.commandLine(of: try #require(Self.pid(of: "retrieval", output)))
      #expect(retrieval.contains("--encoder \(endpoints.encoder) --llm \(endpoints.llm)"))
      up.send(SIGINT)
      #expect(await up.waitForExit() == .code(0))
      #expect(Self.children(output).count == 4)
      #expect(Self.children(output).allSatisfy { !Self.isRunning($0) })
      #expect(!FileManager.default.fileExists(atPath: endpointsFile))
      #expect(output.text.contains("encoder   | "))
    }
  }

  private static func commandLine(of pid: Int32) -> String {
    let bytes = (try? Data(contentsOf: URL(filePath: "/proc/\(pid)/cmdline"))) ?? Data()
    return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
  }

  @Test func `Nothing outlives its kill`() async throws {
    try await withUp { up, _, output in
      // What they print comes through a pipe, in its own time.
      try await waitUntil { Self.children(output).count == 4 }
      let children = Self.children(output)
      #expect(children.allSatisfy(Self.isRunning))
      up.send(SIGKILL)
      try await waitUntil { !children.contains(where: Self.isRunning) }
    }
  }

  @Test func `A service that dies ends the others and is named`() async throws {
    try await withUp { up, _, output in
      try await waitUntil { Self.pid(of: "llm", output) != nil }
      let llm = try #require(Self.pid(of: "llm", output))
      kill(llm, SIGKILL)
      #expect(await up.waitForExit() == .code(1))
      #expect(output.text.contains("illmrec: llm (pid \(llm)) was ended by signal 9 (Killed); its last lines:"))
      #expect(Self.children(output).allSatisfy { !Self.isRunning($0) })
    }
  }

  @Test func `A checkpoint that cannot be read is reported by the service that read it`() async throws {
    let broken = directory.file("broken")
    try FileManager.default.copyItem(atPath: try TestShop.checkpoint(), toPath: broken)
    try FileManager.default.removeItem(atPath: "\(broken)/rec_module/model.safetensors")
    let (exit, output) = try await runExecutable(
      "illmrec", ["up", "--checkpoint", broken, "--state", state, "--any-ports"])
    #expect(exit == .code(1))
    #expect(output.contains("rec_module"))
    #expect(output.contains("ended with exit code 1; its last lines:"))
  }

  @Test func `A port in use is said before anything starts`() async throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, length)
        listen(listener, 1)
        getsockname(listener, address, &length)
      }
      return Int(UInt16(bigEndian: pointer.pointee.sin_port))
    }
    let freePorts = ["--encoder-port", "0", "--retrieval-port", "0", "--gateway-port", "0"]
    let (exit, output) = try await runExecutable(
      "illmrec",
      ["up", "--checkpoint", try TestShop.checkpoint(), "--state", state, "--llm-port", "\(port)"] + freePorts)
    #expect(exit == .code(1))
    #expect(output.hasPrefix("illmrec: llm cannot listen on 127.0.0.1:\(port): Address already in use; "))
    #expect(output.contains("--llm-port"))
    #expect(!output.contains("started"))
    // The service itself says the same when it is started by hand.
    let alone = try await runExecutable("illmrec-retrieval", ["--data", state, "--port", "\(port)"])
    #expect(alone.exit == .code(1))
    #expect(alone.output.contains("127.0.0.1:\(port)"))
  }

  // MARK: Child processes

  /// From the lines "encoder   | started, pid 42".
  private static func pid(of name: String, _ output: Recorder<String>) -> pid_t? {
    output.values.first { $0.hasPrefix(name) && $0.contains("started, pid ") }?.split(separator: " ").last.flatMap {
      pid_t($0)
    }
  }

  private static func children(_ output: Recorder<String>) -> [pid_t] {
    StackMember.allCases.compactMap { pid(of: $0.rawValue, output) }
  }

  /// Dead processes that nobody has waited for yet do not count.
  private static func isRunning(_ pid: pid_t) -> Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
    return !["Z", "X"].contains(status.split(separator: ")").last?.split(separator: " ").first ?? "Z")
  }
}
