// SPDX-License-Identifier: Apache-2.0

import Foundation
import Traces

/// What is told of single calls, beside a line in the log.
package struct TracingSettings: SettingGroup {
  @Setting(
    "otlp-endpoint",
    "Collector that spans go to by OpenTelemetry's protocol over gRPC, host:port with http:// or https:// before it or neither; "
      + "else OTEL_EXPORTER_OTLP_ENDPOINT; without any no spans are recorded",
    placeholder: "address")
  private var endpoint: String?
  @Setting(
    "trace-ratio",
    "Share of the calls without a caller's trace that are recorded, else OTEL_TRACES_SAMPLER_ARG, else 1; a caller's trace is recorded "
      + "where it says so",
    placeholder: "share", allowed: .range(0...1))
  private var ratio: Double?
  @Setting(
    "slow-request-ms",
    "A call with one answer that takes so long is logged with what its time went to, five such lines a second at most; 0 for none",
    unit: "milliseconds", allowed: .range(0...86_400_000))
  private var slowMilliseconds = 1000

  package init() {}

  /// Nil where slow calls have no lines of their own.
  func slowCallLog() -> SlowCallLog? {
    slowMilliseconds.unlessZero.map { SlowCallLog(limit: .milliseconds($0)) }
  }

  /// Nil where no spans are recorded.
  ///
  /// - Parameters:
  ///   - service: the process's name where the environment has none.
  ///   - environment: of the process, for OpenTelemetry's own variables.
  func export(
    of service: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(SettingsError) -> Export? {
    let variables = OpenTelemetryVariables(environment)
    guard let (place, text) = endpoint.map({ ("--otlp-endpoint", $0) }) ?? variables.endpoint else { return nil }
    var share = ratio
    if share == nil { share = try variables.ratio }
    guard let collector = CollectorAddress(text) else {
      throw SettingsError(
        "\(place) is \(text); allowed: host:port, http://host:port or https://host:port, of a collector that takes spans by "
          + "gRPC (port 4317 by custom)", isUsage: true)
    }
    return Export(
      collector: collector, ratio: share ?? 1,
      process: TracedProcess(
        service: variables.service ?? "\(Product.name)-\(service)", version: Product.version,
        attributes: variables.attributes))
  }

  struct Export: Sendable {
    let collector: CollectorAddress
    let ratio: Double
    let process: TracedProcess
  }
}

/// What OpenTelemetry's own variables say: a platform sets them for all of its services.
private struct OpenTelemetryVariables {
  private let environment: [String: String]

  init(_ environment: [String: String]) {
    // An empty one counts as unset there.
    self.environment = environment.filter { $0.key.hasPrefix("OTEL_") && !$0.value.isEmpty }
  }

  var service: String? { environment["OTEL_SERVICE_NAME"] }
  var attributes: String { environment["OTEL_RESOURCE_ATTRIBUTES"] ?? "" }

  /// The variable and what it says. None where spans are turned off, or are to go by another protocol than gRPC.
  var endpoint: (String, String)? {
    let protocols = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]
    guard environment["OTEL_SDK_DISABLED"]?.lowercased() != "true",
      (environment["OTEL_TRACES_EXPORTER"] ?? "otlp").split(separator: ",").contains("otlp"),
      ["grpc", nil].contains(protocols.lazy.compactMap { environment[$0] }.first)
    else { return nil }
    let names = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]
    return names.lazy.compactMap { name in environment[name].map { (name, $0) } }.first
  }

  var ratio: Double? {
    get throws(SettingsError) {
      guard let text = environment["OTEL_TRACES_SAMPLER_ARG"] else { return nil }
      guard let ratio = Double(text), (0...1).contains(ratio) else {
        throw SettingsError("OTEL_TRACES_SAMPLER_ARG is \(text); allowed: 0 to 1", isUsage: true)
      }
      return ratio
    }
  }
}
