// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import CLI

@Suite("A stack is configured before it starts") struct StackConfigurationTests {
  @Test func `Every service is told what it needs`() throws {
    try withTemporaryDirectory { directory in
      var stack = StackConfiguration(checkpoint: "/models/amazon/", llmWeights: "/models/llm", state: directory)
      stack.spaces = "image,cf"
      stack.maxHistoryItems = 5
      let state = try StateDirectory(directory)
      let encoder = stack.arguments(of: .encoder, state: state)
      #expect(Self.value(of: "--checkpoint", in: encoder) == "/models/amazon/")
      #expect(Self.value(of: "--model-name", in: encoder) == "amazon")
      #expect(Self.value(of: "--store", in: encoder) == "\(directory)/items.sqlite")
      #expect(Self.value(of: "--port", in: encoder) == "50051")
      #expect(Self.value(of: "--spaces", in: encoder) == "image,cf")
      let llm = stack.arguments(of: .llm, state: state)
      #expect(Self.value(of: "--llm-weights", in: llm) == "/models/llm")
      #expect(Self.value(of: "--max-history-items", in: llm) == "5")
      #expect(Self.value(of: "--spaces", in: llm) == "image,cf")
      let retrieval = stack.onFreePorts().arguments(of: .retrieval, state: state)
      #expect(Self.value(of: "--data", in: retrieval) == "\(directory)/retrieval")
      #expect(Self.value(of: "--port", in: retrieval) == "0")
      let gateway = stack.arguments(of: .gateway, state: state, endpoints: [.llm: "127.0.0.1:7"])
      #expect(gateway.first == "gateway")
      #expect(Self.value(of: "--llm", in: gateway) == "127.0.0.1:7")
    }
  }

  private static func value(of flag: String, in arguments: [String]) -> String? {
    guard let index = arguments.firstIndex(of: flag), index + 1 < arguments.count else { return nil }
    return arguments[index + 1]
  }

  @Test func `A missing executable is named`() throws {
    try withTemporaryDirectory { directory in
      var stack = StackConfiguration(checkpoint: directory, state: directory).onFreePorts()
      stack.executables = "/nowhere"
      let error = #expect(throws: CLIError.self) { try stack.check() }
      #expect(error?.message.hasPrefix("/nowhere/illmrec-encoder: no such executable; ") == true)
    }
  }

  @Test func `A state directory serves one stack at a time`() throws {
    try withTemporaryDirectory { directory in
      let first = try StateDirectory(directory)
      let error = #expect(throws: CLIError.self) { try StateDirectory(directory) }
      #expect(error?.message.hasPrefix("\(directory): another illmrec keeps its state here") == true)
      withExtendedLifetime(first) {}
    }
  }

  @Test func `A state directory that cannot be made is named`() {
    let error = #expect(throws: CLIError.self) { try StateDirectory("/proc/state") }
    #expect(error?.message.hasPrefix("/proc/state: the state directory cannot be made: ") == true)
  }

  @Test func `Two services cannot share a port`() {
    let error = #expect(throws: CLIError.self) {
      try PortCheck.requireFree([.encoder: 4711, .llm: 4711, .retrieval: 0, .gateway: 0], host: "127.0.0.1")
    }
    #expect(error?.message.hasPrefix("port 4711 is given to both encoder and llm; ") == true)
  }

  @Test func `A host that is not this machine's is said`() {
    // 192.0.2.0/24 is reserved for documentation.
    let error = #expect(throws: CLIError.self) { try PortCheck.requireFree([.llm: 4711], host: "192.0.2.1") }
    #expect(error?.message.hasPrefix("llm cannot listen on 192.0.2.1:4711: ") == true)
  }

  @Test func `Endpoints come back as written`() throws {
    try withTemporaryDirectory { directory in
      let endpoints = ServiceEndpoints(encoder: "a:1", llm: "b:2", retrieval: "c:3", gateway: nil, pid: 4)
      try endpoints.write(to: "\(directory)/endpoints.json")
      #expect(try ServiceEndpoints.read(from: "\(directory)/endpoints.json") == endpoints)
      try Data("{}".utf8).write(to: URL(filePath: "\(directory)/broken.json"))
      let error = #expect(throws: CLIError.self) { try ServiceEndpoints.read(from: "\(directory)/broken.json") }
      #expect(error?.message.contains("not an endpoints file") == true)
    }
  }
}
