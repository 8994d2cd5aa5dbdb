// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
package import GRPCCore
import GRPCTransport
import Glibc
package import Logging
package import PrometheusMetrics
import ServiceAPI
package import ServiceLifecycle
import UnixSignals

/// What a service process runs, made by its `load` step.
package struct ServiceParts: Sendable {
  package var services: [any RegistrableRPCService]
  /// Systems outside that the services depend on, and how they are, for health checks by these names.
  package var dependencies: [String: HealthService.Probe]
  /// Those of them without which nothing can be answered: while one is not well, the server is NOT_SERVING.
  package var requirements: Set<String>
  /// Run beside the server and shut down after it, such as clients of other services.
  package var background: [any Service]
  /// What the services tell at a scrape; see ``PrometheusRegistry/Reader``.
  package var metrics: [PrometheusRegistry.Reader]
  /// Called when no request is in progress any more, e.g. to end compute threads.
  package var onShutdown: @Sendable () async -> Void

  package init(
    services: [any RegistrableRPCService], dependencies: [String: HealthService.Probe] = [:],
    requirements: Set<String> = [], background: [any Service] = [], metrics: [PrometheusRegistry.Reader] = [],
    onShutdown: @escaping @Sendable () async -> Void = {}
  ) {
    self.services = services
    self.dependencies = dependencies
    self.requirements = requirements
    self.background = background
    self.metrics = metrics
    self.onShutdown = onShutdown
  }
}

/// Runs a service process from its resolved settings to the end of its last thread.
package enum ServiceRunner {
  /// Binds, loads, serves, drains. The whole life of a service process, unless its configuration is only to be checked:
  ///
  /// 1. The resolved configuration is logged and the addresses are bound, so that a port in use is known before a long load;
  ///    clients that connect now wait, and whoever watches is told that the service loads.
  /// 2. `load` makes the services. A signal now ends the process at once.
  /// 3. Requests are taken: health says SERVING, the port file is written.
  /// 4. SIGTERM or SIGINT drains, see ``ServerLifecycle``; `onShutdown` ends what `load` started.
  ///
  /// - Parameters:
  ///   - name: in every log line, e.g. "llm".
  ///   - load: blocking work in it belongs on a thread of its own: ``DedicatedThread/run(name:_:)``.
  /// - Throws: what stands in the way of serving; ArgumentParser prints it and exits with code 1.
  package static func run(
    name: String, settings: ServiceSettings, load: @Sendable (Logger) async throws -> ServiceParts
  ) async throws {
    let spans = try ServiceTracing.Plan(name, settings)
    if settings.isOnlyChecked { return print(settings.all) }
    // A log whose reader has gone must not end the service.
    signal(SIGPIPE, SIG_IGN)
    let logger = Logger(service: name, level: settings.logLevel, format: settings.logFormat)
    logger.notice(
      "starting", metadata: settings.all.metadata.merging(["version": "\(Product.version)"]) { $1 })
    try ParentWatch.start(logger: logger)
    let transport = try bind(settings, logger)
    let watch = try ServiceWatch.begin(name, settings, logger: logger)
    let tracing = try ServiceTracing.begin(spans, logger: logger)
    let parts = try await readably { try await load(logger) }
    try await serve(
      parts, on: transport, boundPort: transport.boundPort, settings: settings, logger: logger, watch: watch,
      tracing: tracing)
    await watch?.end()
  }

  /// Says the reasons of Foundation's errors, which ArgumentParser would print by their numbers.
  private static func readably<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch  where ErrorText.isFoundation(error) {
      throw SettingsError(ErrorText.of(error))
    }
  }

  private static func bind(_ settings: ServiceSettings, _ logger: Logger) throws -> CGrpcServerTransport {
    let (before, descriptors) = DescriptorLimit.raise()
    let configuration = settings.transport(descriptors: descriptors, logger: logger)
    logger.notice(
      "network",
      metadata: [
        "open_files": "\(descriptors.soft)", "open_files_before": "\(before.soft)",
        "max_connections": "\(configuration.connectionLimits.total ?? 0)",
        "max_connections_per_address": "\(configuration.connectionLimits.perAddress ?? 0)",
        "tls": "\(settings.tls.kind)",
      ])
    warn(settings, logger)
    // Core would print the same failure before it is reported in a line; whoever sets the variable sees core's own log.
    setenv("GRPC_VERBOSITY", "NONE", 0)
    do {
      return try CGrpcServerTransport(address: settings.address, configuration: configuration)
    } catch let error as TransportError {
      // Its code is for programs; the message names the address and what to do.
      throw error.code == .invalidAddress ? ValidationError(error.message) : SettingsError(error.message)
    }
  }

  private static func warn(_ settings: ServiceSettings, _ logger: Logger) {
    if settings.tls.isInsecure, settings.tls.certificate == nil, !LoopbackAddress.contains(settings.host) {
      logger.warning(
        "listening without TLS on an address that other machines can reach: whoever can connect may do everything",
        metadata: ["host": "\(settings.host)"])
    }
    if !CGrpcServerTransport.canLimitConnections {
      logger.warning(
        "connections are not limited: this build of gRPC core does not let them be seen; put a proxy in front (docs/security.md)"
      )
    }
  }

  /// Serves on a transport that is bound already: the interceptors, the health service, reflection, signals, the port file.
  ///
  /// - Parameters:
  ///   - boundPort: written to the port file; nil for transports without ports.
  ///   - watch: is told what is served.
  ///   - tracing: records calls.
  ///   - signals: whether SIGTERM and SIGINT shut the server down; a test shuts it down through its task instead.
  package static func serve<Transport: ServerTransport>(
    _ parts: ServiceParts, on transport: Transport, boundPort: Int?, settings: ServiceSettings, logger: Logger,
    watch: ServiceWatch? = nil, tracing: ServiceTracing? = nil, signals: Bool = true
  ) async throws {
    var router = RPCRouter<Transport>()
    for service in parts.services { service.registerMethods(with: &router) }
    let health = HealthService(
      services: Array(Set(router.methods.map(\.service))), dependencies: parts.dependencies)
    health.registerMethods(with: &router)
    if settings.servesReflection {
      try ReflectionService(of: router.methods.map(\.service)).registerMethods(with: &router)
    }
    let observer = RPCObserver(
      logger: logger, slowCalls: settings.tracing.slowCallLog(), tracer: tracing?.tracer)
    router.registerInterceptors(pipeline: [.apply(observer, to: .all)])
    watch?.serving(parts, services: Set(router.methods.map(\.service.fullyQualifiedService)).sorted(), health: health)
    let server = ServerLifecycle(
      server: GRPCServer(transport: transport, router: router), health: health, shutdownGrace: settings.shutdownGrace,
      drainTimeout: settings.drainTimeout, logger: logger
    ) {
      if let portFile = settings.portFile, let boundPort { try PortFile.write(boundPort, to: portFile) }
      logger.notice("serving", metadata: ["host": "\(settings.host)", "port": "\(boundPort ?? settings.port)"])
    }
    let required = parts.dependencies.filter { parts.requirements.contains($0.key) }
    let monitors = required.isEmpty ? [] : [RequirementMonitor(probes: required, health: health, logger: logger)]
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .notice)
    // The last is shut down first: what the last calls have to tell reaches the collector.
    let exporters = [tracing?.exporter].compactMap(\.self)
    let group = ServiceGroup(
      services: exporters + parts.background + monitors + [server],
      gracefulShutdownSignals: signals ? [.sigterm, .sigint] : [],
      logger: quiet)
    do {
      try await group.run()
    } catch {
      await parts.onShutdown()
      throw error
    }
    await parts.onShutdown()
    logger.notice("stopped")
  }
}
