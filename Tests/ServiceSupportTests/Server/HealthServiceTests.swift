// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Logging
import ServiceAPI
import ServiceTestSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("Health tells whether requests are taken", .timeLimit(.minutes(60))) struct HealthServiceTests {
  private typealias Client = Grpc_Health_V1_Health.Client
  private let health = HealthService(services: [.init(fullyQualifiedService: "illmrec.llm.v1.LLMService")])

  private func request(_ service: String) -> Grpc_Health_V1_HealthCheckRequest {
    .with { $0.service = service }
  }

  @Test func `Check follows the status of server and service`() async throws {
    try await withServicesInProcess([health]) { client in
      let client = Client(wrapping: client)
      let atFirst = try await client.check(request("")).status
      #expect(atFirst == .notServing)
      health.setServing(true)
      #expect(try await client.check(request("")).status == .serving)
      #expect(try await client.check(request("illmrec.llm.v1.LLMService")).status == .serving)
      health.setServing(false)
      #expect(try await client.check(request("illmrec.llm.v1.LLMService")).status == .notServing)
    }
  }

  @Test func `An unknown service is not found`() async throws {
    try await withServicesInProcess([health]) { client in
      let error = await #expect(throws: RPCError.self) { try await Client(wrapping: client).check(request("no.such")) }
      #expect(error?.code == .notFound)
      #expect(error?.message.contains("served: illmrec.llm.v1.LLMService") == true)
    }
  }

  @Test func `A name that is too long for any service is not looked for, and not told back`() async throws {
    try await withServicesInProcess([health]) { client in
      let long = String(repeating: "x", count: 4 << 20)
      let error = await #expect(throws: RPCError.self) { try await Client(wrapping: client).check(request(long)) }
      #expect(error?.code == .notFound && (error?.message.utf8.count ?? .max) < 200)
    }
  }

  @Test func `A dependency is asked and does not move the server`() async throws {
    let health = HealthService(services: [], dependencies: ["well": { true }, "ill": { false }])
    health.setServing(true)
    try await withServicesInProcess([health]) { client in
      let client = Client(wrapping: client)
      let well = try await client.check(request("well")).status
      #expect(well == .serving)
      let ill = try await client.check(request("ill")).status
      #expect(ill == .notServing)
      let server = try await client.check(request("")).status
      #expect(server == .serving)
    }
  }

  @Test func `List tells every status at once, that of dependencies too`() async throws {
    let llm = "illmrec.llm.v1.LLMService"
    let health = HealthService(
      services: [.init(fullyQualifiedService: llm)], dependencies: ["well": { true }, "ill": { false }])
    let (before, after) = try await withServicesInProcess([health]) { client in
      let before = try await Client(wrapping: client).list(.init()).statuses
      health.setServing(true)
      return (before, try await Client(wrapping: client).list(.init()).statuses)
    }
    #expect(
      before.mapValues(\.status) == ["": .notServing, llm: .notServing, "well": .serving, "ill": .notServing])
    #expect(after.mapValues(\.status) == ["": .serving, llm: .serving, "well": .serving, "ill": .notServing])
  }

  @Test func `A server that is not able to answer does not serve, whatever it takes`() async throws {
    func status() async throws -> HealthService.Status {
      try await withServicesInProcess([health]) { try await Client(wrapping: $0).check(request("")).status }
    }
    health.setAble(false)
    health.setServing(true)
    #expect(try await status() == .notServing)
    health.setAble(true)
    #expect(try await status() == .serving)
    health.setServing(false)
    #expect(try await status() == .notServing)
  }

  @Test func `Health follows what is needed to answer, once it has not been well three times`() async throws {
    let answers = Mutex([true, false, false, true, false, false, false, true])
    let asked = Mutex(0)
    let seen = Mutex<[HealthService.Status]>([])
    let record = LogRecord()
    health.setServing(true)
    try await withServicesInProcess([health]) { client in
      let probe: HealthService.Probe = {
        let status = try? await Client(wrapping: client).check(self.request("")).status
        seen.withLock { $0.append(status ?? .unknown) }
        asked.withLock { $0 += 1 }
        return answers.withLock { $0.isEmpty ? true : $0.removeFirst() }
      }
      let monitor = RequirementMonitor(
        probes: ["llm": probe], health: health, logger: record.logger, interval: .milliseconds(1))
      let running = Task { try await monitor.run() }
      try await waitUntil { asked.withLock { $0 } >= 10 }
      running.cancel()
      try await running.value
    }
    let statuses = seen.withLock { Array($0.prefix(9)) }
    #expect(statuses == Array(repeating: .serving, count: 7) + [.notServing, .serving])
    #expect(record.lines.map(\.level) == [.warning, .notice])
    #expect(record.lines.first?.metadata["unwell"].map { "\($0)" } == "llm")
  }

  @Test func `Watch tells each change and ends when the server drains`() async throws {
    try await withServicesInProcess([health]) { client in
      let seen = AsyncStream.makeStream(of: HealthService.Status.self)
      async let end = #expect(throws: RPCError.self) {
        try await Client(wrapping: client).watch(request("")) { response in
          for try await message in response.messages { seen.continuation.yield(message.status) }
        }
      }
      var statuses = seen.stream.makeAsyncIterator()
      #expect(await statuses.next() == .notServing)
      health.setServing(true)
      #expect(await statuses.next() == .serving)
      health.setServing(false)
      #expect(await statuses.next() == .notServing)
      health.endWatches()
      #expect(await end?.code == .unavailable)
    }
  }

  @Test func `Watch of an unknown service says so`() async throws {
    try await withServicesInProcess([health]) { client in
      let first = try await Client(wrapping: client).watch(request("no.such")) { response in
        try await response.messages.first { _ in true }?.status
      }
      #expect(first == .serviceUnknown)
      health.endWatches()
    }
  }
}
