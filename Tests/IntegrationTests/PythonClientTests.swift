// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import CLI

/// examples/python against real services.
@Suite("The Python example works against real services", .timeLimit(.minutes(60))) struct PythonClientTests {
  private static let example = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../examples/python").standardizedFileURL.path

  @Test(
    .enabled("the packages of examples/python/requirements.txt cannot be installed; the line above says why") {
      try await environment() != nil
    })
  func `The example recommends both ways`() async throws {
    let python = try #require(try await Self.environment())
    try Self.leaveStaleStubs()
    let stack = try TestShop.stack()
    defer { try? FileManager.default.removeItem(atPath: stack.state) }
    try await ServiceStack.run(stack) { endpoints in
      try await TestShop.publish(to: endpoints)
      let targets = [
        "--gateway", endpoints.gateway ?? "", "--encoder", endpoints.encoder, "--llm", endpoints.llm, "--retrieval",
        endpoints.retrieval,
      ]
      let common = ["\(Self.example)/recommend.py", "--items", "item-2,item-4", "-k", "3", "--json"] + targets
      let gateway = try await Self.run(python, common)
      let direct = try await Self.run(python, common + ["--direct"])
      #expect(gateway.exit == .code(0) && direct.exit == .code(0), "\(gateway.output)\n\(direct.output)")
      let answers = try [gateway, direct].map { try Self.answer($0.output) }
      #expect(answers[0].map(\.id) == answers[1].map(\.id))
      #expect(answers[0].count == 3)
      #expect(Set(answers[0].map(\.id)).isDisjoint(with: ["item-2", "item-4"]))
      #expect(answers[0].allSatisfy { $0.title == TestShop.titles[Int($0.id.dropFirst(5)) ?? 0] })

      let unknown = try await Self.run(python, [common[0], "--items", "no-such"] + targets)
      #expect(unknown.exit == .code(1))
      #expect(unknown.output.contains("ITEM_NOT_FOUND"))
      let tooMany = try await Self.run(python, [common[0], "--items", "item-2", "-k", "100000"] + targets)
      #expect(tooMany.exit == .code(1))
      #expect(tooMany.output.contains("INVALID_ARGUMENT (K_TOO_LARGE): k: "))
    }
  }

  private static func answer(_ output: String) throws -> [(id: String, title: String)] {
    // Above the JSON stands what --direct says of the user vector.
    let json = output.drop { $0 != "{" }
    let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
    let items = try #require(object?["items"] as? [[String: Any]])
    return items.map { ($0["item_id"] as? String ?? "", $0["title"] as? String ?? "") }
  }

  /// Stubs of other protos, newer than these: they are made anew all the same.
  private static func leaveStaleStubs() throws {
    for file in ["illmrec/encoder/v1/encoder_pb2.py", ".complete"] {
      let path = URL(filePath: "\(example)/generated/\(file)")
      try FileManager.default.createDirectory(
        at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("raise ImportError('of other protos')".utf8).write(to: path)
    }
  }

  // MARK: Python

  private static func run(
    _ executable: String, _ arguments: [String]
  ) async throws -> (exit: ChildProcess.Exit, output: String) {
    let output = Recorder<String>()
    let child = try ChildProcess(name: "python", executable: executable, arguments: arguments, onLine: output.note)
    return (await child.waitForExit(), output.text)
  }

  /// A virtual environment with the example's packages, kept between runs; nil, and a word why, when it cannot be made here.
  private static func environment() async throws -> String? {
    let directory = "\(example)/.venv-test"
    let python = "\(directory)/bin/python"
    let imports = ["-c", "import grpc, grpc_tools, grpc_status"]
    if FileManager.default.isExecutableFile(atPath: python), try await run(python, imports).exit == .code(0) {
      return python
    }
    let steps = [
      ("/usr/bin/env", ["python3", "-m", "venv", directory]),
      (
        python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "\(example)/requirements.txt"]
      ),
    ]
    for (executable, arguments) in steps {
      let outcome = try? await run(executable, arguments)
      guard outcome?.exit == .code(0) else {
        print(
          "The Python example is not run, because `\(arguments.joined(separator: " "))` failed: "
            + "\(outcome?.output ?? "it could not be started")")
        return nil
      }
    }
    return python
  }
}
