// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import Foundation
import Glibc
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
      #expect(Self.value(of: "--model-name", in: encoder) == nil, "the services read it from the checkpoint")
      #expect(Self.value(of: "--store", in: encoder) == "\(directory)/items.sqlite")
      #expect(Self.value(of: "--port", in: encoder) == "50051")
      #expect(Self.value(of: "--spaces", in: encoder) == "image,cf")
      #expect(Self.value(of: "--retrieval", in: encoder) == nil)
      let following = stack.arguments(of: .encoder, state: state, endpoints: [.retrieval: "127.0.0.1:9"])
      #expect(Self.value(of: "--retrieval", in: following) == "127.0.0.1:9")
      let llm = stack.arguments(of: .llm, state: state)
      #expect(Self.value(of: "--llm-weights", in: llm) == "/models/llm")
      #expect(Self.value(of: "--max-history-items", in: llm) == "5")
      #expect(Self.value(of: "--spaces", in: llm) == "image,cf")
      let retrieval = stack.onFreePorts().arguments(of: .retrieval, state: state)
      #expect(Self.value(of: "--data", in: retrieval) == "\(directory)/retrieval")
      #expect(Self.value(of: "--port", in: retrieval) == "0")
      let knowing = stack.arguments(of: .retrieval, state: state, endpoints: stack.targets)
      #expect(Self.value(of: "--encoder", in: knowing) == "127.0.0.1:50051")
      #expect(Self.value(of: "--llm", in: knowing) == "127.0.0.1:50052")
      #expect(Self.value(of: "--encoder", in: stack.arguments(of: .llm, state: state)) == nil)
      let asking = stack.arguments(of: .llm, state: state, endpoints: stack.targets)
      #expect(Self.value(of: "--retrieval", in: asking) == "127.0.0.1:50053")
      let gateway = stack.arguments(of: .gateway, state: state, endpoints: [.llm: "127.0.0.1:7"])
      #expect(gateway.first == "gateway")
      #expect(Self.value(of: "--llm", in: gateway) == "127.0.0.1:7")
    }
  }

  @Test func `A service has an HTTP port when the stack was given one`() throws {
    try withTemporaryDirectory { directory in
      var stack = StackConfiguration(checkpoint: "/models/amazon", state: directory)
      let state = try StateDirectory(directory)
      #expect(!stack.arguments(of: .llm, state: state).contains { $0.hasPrefix("--http") })
      stack.httpPorts = [.gateway: 9100, .llm: 9102]
      let llm = stack.arguments(of: .llm, state: state)
      #expect(Self.value(of: "--http-port", in: llm) == "9102")
      #expect(Self.value(of: "--http-host", in: llm) == "127.0.0.1")
      #expect(Self.value(of: "--http-port-file", in: llm) == "\(directory)/run/llm.http-port")
      #expect(!stack.arguments(of: .encoder, state: state).contains("--http-port"))
      #expect(Self.value(of: "--http-port", in: stack.onFreePorts().arguments(of: .llm, state: state)) == "0")
    }
  }

  @Test func `Both services that hold models are given every checkpoint`() throws {
    try withTemporaryDirectory { directory in
      var stack = StackConfiguration(checkpoint: "/runs/old", state: directory)
      stack.furtherCheckpoints = ["/runs/new/", "/runs/newer"]
      stack.trainings = "/runs"
      stack.modelName = "shop"
      let state = try StateDirectory(directory)
      for member in [StackMember.encoder, .llm] {
        let arguments = stack.arguments(of: member, state: state)
        func values(of flag: String) -> [String] {
          zip(arguments, arguments.dropFirst()).filter { $0.0 == flag }.map(\.1)
        }
        #expect(values(of: "--checkpoint") == ["/runs/old", "/runs/new/", "/runs/newer"])
        #expect(values(of: "--model-name") == ["shop"])
        #expect(values(of: "--trainings") == ["/runs"])
        #expect(values(of: "--trainings-state") == ["\(state.path)/\(member.rawValue)-trainings.json"])
      }
      #expect(!stack.arguments(of: .retrieval, state: state).contains("--checkpoint"))
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

  @Test func `Free ports are kept for the services that they were chosen for, and for nobody else`() throws {
    for host in ["127.0.0.1", "0.0.0.0"] {
      var reservation: PortReservation? = try PortReservation(for: StackMember.allCases, host: host)
      let ports = try #require(reservation?.ports)
      #expect(Set(ports.values).count == 4 && !ports.values.contains(0))
      let port = try #require(ports[.llm])
      // The system chooses another for whoever wants any; the service itself may listen.
      #expect(try BoundSocket(host: host, port: 0).port != port)
      let service = try BoundSocket(host: host, port: port)
      #expect(throws: Never.self) { try service.listen(backlog: 1) }
      #expect((try? BoundSocket(host: host, port: port)) == nil, "one listens there")
      reservation = nil
    }
    let error = #expect(throws: CLIError.self) { try PortReservation(for: [.llm], host: "192.0.2.1") }
    #expect(error?.message.hasPrefix("llm finds no free port on 192.0.2.1: ") == true)
  }

  @Test func `A host that is not this machine's is said`() {
    // 192.0.2.0/24 is reserved for documentation.
    let error = #expect(throws: CLIError.self) { try PortCheck.requireFree([.llm: 4711], host: "192.0.2.1") }
    #expect(error?.message.hasPrefix("llm cannot listen on 192.0.2.1:4711: ") == true)
  }

  @Test func `Endpoints whose services were killed are known and say so`() throws {
    try withTemporaryDirectory { directory in
      let file = "\(directory)/endpoints.json"
      let lock = StateDirectory.lockFile(of: "\(directory)/state")
      let endpoints = ServiceEndpoints(
        encoder: "a:1", llm: "b:2", retrieval: "c:3", gateway: nil, pid: getpid(), stateLock: lock)
      do {
        let state = try StateDirectory("\(directory)/state")
        try endpoints.write(to: file)
        #expect(try ServiceEndpoints.read(from: file) == endpoints)
        let error = #expect(throws: CLIError.self) { try ServiceEndpoints.removeStale(file) }
        #expect(error?.message.contains("another illmrec up") == true)
        withExtendedLifetime(state) {}
      }
      let error = #expect(throws: CLIError.self) { try ServiceEndpoints.read(from: file) }
      #expect(error?.message.hasPrefix("\(file): the services that it names are not running; ") == true)
      try ServiceEndpoints.removeStale(file)
      #expect(!FileManager.default.fileExists(atPath: file))
    }
  }

  @Test func `A file where the state is to be kept is named with the remedy`() throws {
    try withTemporaryDirectory { directory in
      let file = "\(directory)/file"
      try Data().write(to: URL(filePath: file))
      for state in [file, "\(file)/state"] {
        let error = #expect(throws: CLIError.self) { try StateDirectory(state) }
        #expect(
          error?.message
            == "\(state): the state directory cannot be made: \(file) is a file; name another place, or move the "
            + "file away")
      }
    }
  }

  @Test func `A port in use is told with the flags that the command has`() throws {
    var stack = StackConfiguration(checkpoint: "/", state: "/")
    stack.host = "192.0.2.1"
    stack.portRemedy = { _ in "leave --keep out" }
    let error = #expect(throws: CLIError.self) { try stack.checkProcesses() }
    #expect(error?.message.hasSuffix("or leave --keep out") == true)
  }

  @Test(arguments: [
    (["--precision", "foo"], "--precision is foo; allowed: auto, f32, bf16, int8"),
    (["--spaces", "foo"], "--spaces names \"foo\""), (["--spaces", ","], "--spaces names none"),
    (["--log-level", "loud"], "--log-level is loud"), (["--max-history-items", "0"], "--max-history-items is 0"),
    (["--drain-timeout", "-1"], "drain-timeout"), (["--llm-port", "70000"], "port 70000"),
  ])
  func `What the services are handed is refused before they start`(arguments: [String], problem: String) {
    let arguments = ["up", "--checkpoint", "x"] + arguments
    let error = #expect(throws: (any Error).self) { _ = try IllmrecCommand.parseAsRoot(arguments) }
    guard let error else { return }
    #expect(IllmrecCommand.exitCode(for: error) == .validationFailure)
    #expect(IllmrecCommand.message(for: error).contains(problem))
  }

  @Test func `Endpoints come back as written`() throws {
    try withTemporaryDirectory { directory in
      let endpoints = ServiceEndpoints(encoder: "a:1", llm: "b:2", retrieval: "c:3", gateway: nil, pid: getpid())
      try endpoints.write(to: "\(directory)/endpoints.json")
      #expect(try ServiceEndpoints.read(from: "\(directory)/endpoints.json") == endpoints)
      try Data("{}".utf8).write(to: URL(filePath: "\(directory)/broken.json"))
      let error = #expect(throws: CLIError.self) { try ServiceEndpoints.read(from: "\(directory)/broken.json") }
      #expect(error?.message.contains("not an endpoints file") == true)
    }
  }
}
