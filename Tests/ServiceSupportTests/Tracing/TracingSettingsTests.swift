// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCTransport
import Testing
import Traces

@testable import ServiceSupport

@Suite("Where spans go is configured as illmrec's settings are, or as OpenTelemetry's") struct TracingSettingsTests {
  private func export(_ flags: [String] = [], _ environment: [String: String] = [:]) throws -> TracingSettings.Export? {
    try ServiceOptions.parse(flags).resolve(defaultPort: 1).tracing.export(of: "llm", environment: environment)
  }

  @Test func `Without a collector nothing is recorded`() throws {
    #expect(try export() == nil)
    #expect(try export(["--trace-ratio", "0.5"]) == nil)
  }

  @Test func `A flag comes before OpenTelemetry's variables, and its narrower before its wider`() throws {
    let environment = [
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://wide:4317", "OTEL_SERVICE_NAME": "shop-llm",
      "OTEL_TRACES_SAMPLER_ARG": "0.25",
      "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
    ]
    let wide = try #require(try export([], environment))
    #expect(wide.collector == CollectorAddress("http://wide:4317"))
    #expect(wide.ratio == 0.25 && wide.process.service == "shop-llm")
    #expect(wide.process.attributes == ["deployment.environment": "test"])
    let narrow = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://narrow:4317"]
    #expect(try export([], environment.merging(narrow) { $1 })?.collector == CollectorAddress("https://narrow:4317"))
    let flags = ["--otlp-endpoint", "localhost:4317", "--trace-ratio", "0.5"]
    let chosen = try #require(try export(flags, environment))
    #expect(chosen.collector == CollectorAddress("localhost:4317") && chosen.ratio == 0.5)
    #expect(try export(["--otlp-endpoint", "localhost:4317"])?.process.service == "illmrec-llm")
    #expect(try export(["--otlp-endpoint", "localhost:4317"])?.ratio == 1)
  }

  @Test(arguments: [
    ["OTEL_SDK_DISABLED": "true"], ["OTEL_TRACES_EXPORTER": "none"], ["OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"],
  ]) func `What OpenTelemetry's variables turn off, or send by another protocol, is not sent`(
    variables: [String: String]
  ) throws {
    let environment = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"]
    #expect(try export([], environment) != nil)
    #expect(try export([], environment.merging(variables) { $1 }) == nil)
  }

  @Test func `What names no collector stops the service before it starts`() throws {
    let error = #expect(throws: (any Error).self) { try export(["--otlp-endpoint", "localhost"]) }
    #expect(error.map { "\($0)".contains("--otlp-endpoint is localhost") } == true)
    let variable = #expect(throws: SettingsError.self) { try export([], ["OTEL_EXPORTER_OTLP_ENDPOINT": "c"]) }
    #expect(variable?.message.hasPrefix("OTEL_EXPORTER_OTLP_ENDPOINT is c; allowed: host:port") == true)
    let ratio = #expect(throws: SettingsError.self) {
      try export([], ["OTEL_EXPORTER_OTLP_ENDPOINT": "c:1", "OTEL_TRACES_SAMPLER_ARG": "2"])
    }
    #expect(ratio?.message == "OTEL_TRACES_SAMPLER_ARG is 2; allowed: 0 to 1")
  }

  private func plan(_ collector: String, _ flags: [String] = []) throws -> ServiceTracing.Plan? {
    let outgoing = try SettingFlags<ClientTLSSettings>.parse(flags)
    let (settings, _) = try ServiceOptions.parse(["--otlp-endpoint", collector]).resolve(
      [outgoing], defaultPort: 1
    ) { _ in }
    return try ServiceTracing.Plan("llm", settings)
  }

  @Test func `The address says whether the collector is called by TLS, else it is called as services are`() throws {
    let flags = ["--tls-ca", "a.pem", "--tls-server-name", "services"]
    #expect(try plan("c:4317")?.tls == nil)
    #expect(try plan("http://c:4317", flags)?.tls == nil)
    for address in ["c:4317", "https://c:4317"] {
      let tls = try #require(try plan(address, flags)?.tls)
      // The services' name is none of the collector's.
      #expect(tls.authorities == "a.pem" && tls.serverName == nil)
    }
    let error = #expect(throws: (any Error).self) { try plan("https://c:4317") }
    #expect(error.map { "\($0)".contains("give --tls-ca, the authorities of its certificate") } == true)
  }
}
