// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import GRPCCore
import GRPCInProcessTransport
import GRPCTransport
import PrometheusMetrics
import ServiceAPI
import ServiceLifecycleTestKit
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("A service tells those who watch it how it is", .timeLimit(.minutes(15))) struct ServiceWatchTests {
  private typealias Client = LLM_LLMService.Client
  private typealias Health = Grpc_Health_V1_Health.Client

  private func settings(_ flags: [String] = []) throws -> ServiceSettings {
    let quick = ["--http-port", "0", "--shutdown-grace", "0.2", "--drain-timeout", "600"]
    return try ServiceOptions.parse(quick + flags).resolve(defaultPort: 50052)
  }

  /// Serves until the body has ended; the watch is there before and after.
  private func serve(
    _ parts: ServiceParts, _ watch: ServiceWatch, _ settings: ServiceSettings,
    _ body: (GRPCClient<InProcessTransport.Client>, _ shutDown: @Sendable () -> Void) async throws -> Void
  ) async throws {
    let transport = InProcessTransport()
    try await testGracefulShutdown { trigger in
      try await withRunningClient(transport: transport.client) { client in
        async let end: Void = ServiceRunner.serve(
          parts, on: transport.server, boundPort: nil, settings: settings, logger: .silent, watch: watch, signals: false
        )
        try await body(client) { trigger.triggerGracefulShutdown() }
        try await end
      }
    }
  }

  private func get(_ path: String, _ watch: ServiceWatch) async throws -> HTTPAnswer {
    let port = watch.port
    return try await DedicatedThread.run(name: "client") { try HTTPAnswer.get(path, port: port) }
  }

  @Test func `Without a port there is none`() throws {
    let settings = try ServiceOptions.parse([]).resolve(defaultPort: 50052)
    #expect(try ServiceWatch.begin("llm", settings, logger: .silent) == nil)
  }

  @Test func `Readiness goes with health, from loading to the end of the drain, and liveness stays`() async throws {
    let settings = try settings()
    // In the process's registry a watch of another test would say for this one whether it is ready.
    let watch = try ServiceWatch("llm", settings, port: 0, registry: PrometheusRegistry(MetricCatalog.all))
    #expect(try await get("/healthz", watch).status == 200)
    let loading = try await get("/readyz", watch)
    #expect(loading.status == 503 && loading.body == "loading\n")
    #expect(try await get("/metrics", watch).body.contains("\nillmrec_ready 0\n"))
    let handling = Signal()
    let finish = Signal()
    let service = ScriptedService { _, _ in
      handling.send()
      await finish.wait()
    }
    try await serve(ServiceParts(services: [service]), watch, settings) { client, shutDown in
      try await waitUntil { try await get("/readyz", watch).status == 200 }
      #expect(try await Health(wrapping: client).check(.init()).status == .serving)
      async let slow = Client(wrapping: client).encodeUsers(.init())
      await handling.wait()
      shutDown()
      try await waitUntil { try await get("/readyz", watch).body == "draining\n" }
      let draining = try await get("/readyz", watch)
      #expect(draining.status == 503)
      #expect(try await get("/healthz", watch).status == 200)
      finish.send()
      _ = try await slow
    }
    #expect(try await get("/readyz", watch).status == 503)
    await watch.end()
    await #expect(throws: RawClient.Failure.self) { try await get("/healthz", watch) }
  }

  @Test func `A scrape shows the calls before it, by method, code and reason`() async throws {
    let settings = try settings()
    let watch = try #require(try ServiceWatch.begin("scraped", settings, logger: .silent))
    let service = ScriptedService { request, _ in
      if request.requestID == "bad" { throw ServiceFailure(.noUsers, "send users") }
    }
    let method = "method=\"illmrec.llm.v1.LLMService/EncodeUsers\""
    let own: PrometheusRegistry.Reader = { [MetricSample("illmrec_index_generation", [("index", "shop")], 7)] }
    let parts = ServiceParts(services: [service], metrics: [own])
    func lines() async throws -> [String] {
      try await get("/metrics", watch).body.split(separator: "\n").map(String.init)
    }
    func value(_ series: String, _ lines: [String]) -> Int {
      lines.first { $0.hasPrefix(series + " ") }.flatMap { Int($0.dropFirst(series.count + 1)) } ?? 0
    }
    let (good, failed, reason) = (
      "illmrec_rpc_requests_total{code=\"OK\",\(method)}",
      "illmrec_rpc_seconds_count{code=\"INVALID_ARGUMENT\",\(method)}",
      "illmrec_rpc_refusals_total{\(method),reason=\"NO_USERS\"}"
    )
    // Other tests of this process count too.
    let before = try await lines()
    try await serve(parts, watch, settings) { client, shutDown in
      for _ in 0..<3 { _ = try await Client(wrapping: client).encodeUsers(.init()) }
      let bad = LLM_EncodeUsersRequest.with { $0.requestID = "bad" }
      _ = await #expect(throws: RPCError.self) { try await Client(wrapping: client).encodeUsers(bad) }
      let after = try await lines()
      #expect(value(good, after) >= value(good, before) + 3)
      #expect(value(failed, after) >= value(failed, before) + 1)
      #expect(value(reason, after) >= value(reason, before) + 1)
      #expect(after.contains("illmrec_index_generation{index=\"shop\"} 7"))
      #expect(after.contains("illmrec_build_info{service=\"scraped\",version=\"\(Product.version)\"} 1"))
      #expect(after.contains { $0.hasPrefix("process_resident_memory_bytes ") })
      shutDown()
    }
    await watch.end()
  }

  @Test func `The status page says what runs, runs nothing and shows no secrets`() async throws {
    let settings = try settings(["--http-port-file", "/tmp/<script>&\"\u{301}"])
    let watch = try ServiceWatch("llm", settings, port: 0, registry: PrometheusRegistry(MetricCatalog.all))
    let page = try await get("/", watch)
    #expect(page.status == 200)
    #expect(page.head.contains("Content-Security-Policy: default-src 'none'; style-src 'sha256-"))
    #expect(page.head.contains("; frame-ancestors 'none'"))
    #expect(page.body.contains("illmrec llm") && page.body.contains(Product.version) && page.body.contains("loading"))
    #expect(page.body.contains("/tmp/&lt;script&gt;&amp;&quot"))
    #expect(!page.body.contains("<script"))
    #expect(try await get("/nothing?x=<script>", watch).status == 404)
    await watch.end()
  }

  @Test func `A port that is taken stops the service with what to do`() async throws {
    let watch = try #require(try ServiceWatch.begin("llm", try settings(), logger: .silent))
    let taken = try ServiceOptions.parse(["--http-port", "\(watch.port)"]).resolve(defaultPort: 50052)
    let error = #expect(throws: SettingsError.self) { try ServiceWatch.begin("llm", taken, logger: .silent) }
    #expect(
      error?.message
        == "--http-port: cannot listen on 127.0.0.1:\(watch.port): Address already in use; choose another with --http-host and "
        + "--http-port")
    await watch.end()
  }
}
