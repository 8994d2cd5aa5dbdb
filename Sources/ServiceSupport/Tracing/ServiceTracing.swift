// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCCore
import GRPCTransport
import Logging
package import ServiceLifecycle
import Traces

/// A process's way from calls to a collector of spans.
package struct ServiceTracing: Sendable {
  package let tracer: CallTracer
  /// Run beside the server and ended after it, so that the last calls are told too.
  package let exporter: any Service

  package init(tracer: CallTracer, exporter: any Service) {
    self.tracer = tracer
    self.exporter = exporter
  }

  /// What is configured, checked as far as it can be without a connection; nil where no collector is named.
  struct Plan: Sendable {
    let export: TracingSettings.Export
    let tls: CGrpcClientTransport.Configuration.TLS?

    init?(_ name: String, _ settings: ServiceSettings) throws {
      do throws(SettingsError) {
        guard let export = try settings.tracing.export(of: name) else { return nil }
        self.export = export
        tls = try ServiceTracing.tls(for: export.collector, settings)
      } catch {
        throw error.isUsage ? ValidationError(error.message) : error
      }
    }
  }

  static func begin(_ plan: Plan?, logger: Logger) throws -> ServiceTracing? {
    guard let plan else { return nil }
    let (target, process) = (plan.export.collector.target, plan.export.process)
    logger.notice(
      "spans go to a collector",
      metadata: [
        "collector": "\(target)", "tls": "\(plan.tls == nil ? "off" : "on")", "ratio": "\(plan.export.ratio)",
        "service": "\(process.service)",
      ])
    let (queue, options) = (SpanQueue(), ClientOptions(followsHealth: false, tls: plan.tls))
    do {
      let client = GRPCClient(transport: try CGrpcClientTransport(target: target, configuration: options.transport))
      return ServiceTracing(
        tracer: CallTracer(to: queue, ratio: plan.export.ratio),
        exporter: SpanExporter(from: queue, to: client, of: process, logger: logger))
    } catch let error as TransportError {
      throw SettingsError("the collector of spans, \(target): \(error.message)")
    }
  }

  /// As other services are called, unless the address says whether it is by TLS: a collector often stands beside the service.
  private static func tls(
    for collector: CollectorAddress, _ settings: ServiceSettings
  ) throws(SettingsError) -> CGrpcClientTransport.Configuration.TLS? {
    if collector.isSecure == false { return nil }
    guard var tls = try settings.all.read(ClientTLSSettings.self).tls() else {
      guard collector.isSecure == nil else {
        throw SettingsError(
          "the collector of spans is to be called by TLS; give --tls-ca, the authorities of its certificate, or an address that "
            + "begins with http://", isUsage: true)
      }
      return nil
    }
    // That is the name of the services, where their targets have another.
    tls.serverName = nil
    return tls
  }
}
