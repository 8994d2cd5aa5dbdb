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
  /// Those that only the port for administration has, where one is asked for.
  package var administration: [any RegistrableRPCService]
  /// Systems outside that the services depend on, and how they are, for health checks by these names.
  package var dependencies: [String: HealthService.Probe]
  /// Those of them without which nothing can be answered: while one is not well, the server is NOT_SERVING.
  package var requirements: Set<String>
  /// Run beside the server and shut down after it, such as clients of other services.
  package var background: [any Service]
  /// What the services tell at a scrape; see ``PrometheusRegistry/Reader``.
  package var metrics: [PrometheusRegistry.Reader]
  /// Called when no new requests are taken any more: ends calls that have no end of their own.
  package var onDrain: @Sendable () -> Void
  /// Called when no request is in progress any more, e.g. to end compute threads.
  package var onShutdown: @Sendable () async -> Void

  package init(
    services: [any RegistrableRPCService], administration: [any RegistrableRPCService] = [],
    dependencies: [String: HealthService.Probe] = [:],
    requirements: Set<String> = [], background: [any Service] = [], metrics: [PrometheusRegistry.Reader] = [],
    onDrain: @escaping @Sendable () -> Void = {}, onShutdown: @escaping @Sendable () async -> Void = {}
  ) {
    self.services = services
    self.administration = administration
    self.dependencies = dependencies
    self.requirements = requirements
    self.background = background
    self.metrics = metrics
    self.onDrain = onDrain
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
    if settings.isOnlyChecked { return try check(settings, name) }
    // A log whose reader has gone must not end the service.
    signal(SIGPIPE, SIG_IGN)
    let logger = Logger(service: name, level: settings.logLevel, format: settings.logFormat)
    logger.notice(
      "starting", metadata: settings.all.metadata.merging(["version": "\(Product.version)"]) { $1 })
    try ParentWatch.start(logger: logger)
    let access = try settings.accessControl(logger)
    let transport = try bind(settings, settings.address, logger)
    let adminTransport = try settings.adminAddress.map { try bind(settings, $0, logger) }
    let watch = try ServiceWatch.begin(name, settings, logger: logger)
    let tracing = try ServiceTracing.begin(spans, logger: logger)
    let parts = try await readably { try await load(logger) }
    guard adminTransport == nil || !parts.administration.isEmpty else {
      throw SettingsError("--admin-port: this service has nothing to administer; leave it out", isUsage: true)
    }
    try await serve(
      parts, on: transport, boundPort: transport.boundPort, admin: adminTransport.map { ($0, $0.boundPort) },
      settings: settings, logger: logger, access: access, watch: watch, tracing: tracing)
    await watch?.end()
  }

  private static func check(_ settings: ServiceSettings, _ name: String) throws {
    _ = try settings.accessControl(Logger(service: name, level: .critical, format: settings.logFormat))
    print(settings.all)
  }

  /// Says the reasons of Foundation's errors, which ArgumentParser would print by their numbers.
  private static func readably<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch  where ErrorText.isFoundation(error) {
      throw SettingsError(ErrorText.of(error))
    }
  }

  private static func bind(
    _ settings: ServiceSettings, _ address: String, _ logger: Logger
  ) throws -> CGrpcServerTransport {
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
      return try CGrpcServerTransport(address: address, configuration: configuration)
    } catch let error as TransportError {
      // Its code is for programs; the message names the address and what to do.
      throw error.code == .invalidAddress ? ValidationError(error.message) : SettingsError(error.message)
    }
  }

  private static func warn(_ settings: ServiceSettings, _ logger: Logger) {
    if settings.tls.isInsecure, settings.tls.certificate == nil, !LoopbackAddress.contains(settings.host) {
      logger.warning(
        settings.policy == nil
          ? "listening without TLS on an address that other machines can reach: whoever can connect may do everything"
          : "listening without TLS on an address that other machines can reach: whoever reads the network may take tokens from it",
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
  ///   - admin: where administration is served beside the services, which are then alone on the other; nil for both on one.
  ///   - access: says who may call what; nil for everybody everything.
  ///   - watch: is told what is served.
  ///   - tracing: records calls.
  ///   - signals: whether SIGTERM and SIGINT shut the server down; a test shuts it down through its task instead.
  package static func serve<Transport: ServerTransport>(
    _ parts: ServiceParts, on transport: Transport, boundPort: Int?,
    admin: (transport: Transport, boundPort: Int?)? = nil, settings: ServiceSettings, logger: Logger,
    access: AccessControl? = nil, watch: ServiceWatch? = nil, tracing: ServiceTracing? = nil, signals: Bool = true
  ) async throws {
    let services = parts.services + (admin == nil ? parts.administration : [])
    let observer = RPCObserver(
      logger: logger, slowCalls: settings.tracing.slowCallLog(), tracer: tracing?.tracer)
    let routing = Routing(
      dependencies: parts.dependencies, servesReflection: settings.servesReflection, observer: observer, access: access)
    let (router, health) = try router(of: services, routing, for: Transport.self)
    watch?.serving(parts, services: Set(router.methods.map(\.service.fullyQualifiedService)).sorted(), health: health)
    func server(
      _ transport: Transport, _ router: RPCRouter<Transport>, _ health: HealthService,
      onServing: @escaping @Sendable () throws -> Void
    ) -> ServerLifecycle<Transport> {
      ServerLifecycle(
        server: GRPCServer(transport: transport, router: router), health: health, shutdownGrace: settings.shutdownGrace,
        drainTimeout: settings.drainTimeout, logger: logger, onDrain: parts.onDrain,
        onServing: onServing)
    }
    var servers: [any Service] = [
      server(transport, router, health) {
        if let portFile = settings.portFile, let boundPort { try PortFile.write(boundPort, to: portFile) }
        logger.notice("serving", metadata: ["host": "\(settings.host)", "port": "\(boundPort ?? settings.port)"])
      }
    ]
    if let admin {
      // Who administrates asks the services too, and names one target for both.
      let (router, health) = try Self.router(
        of: parts.services + parts.administration, routing, for: Transport.self)
      let port = admin.boundPort
      servers.append(
        server(admin.transport, router, health) {
          if let file = settings.adminPortFile, let port {
            try PortFile.write(port, to: file, flag: "--admin-port-file")
          }
          logger.notice(
            "serving administration", metadata: ["host": "\(settings.adminHost)", "port": "\(port ?? 0)"])
        })
    }
    try await run(ServicesTogether(services: servers), parts, health, tracing, logger, signals: signals)
  }

  /// What every call meets, on whichever port it comes.
  private struct Routing {
    let dependencies: [String: HealthService.Probe]
    let servesReflection: Bool
    let observer: RPCObserver
    let access: AccessControl?
  }

  /// The methods of services and of health, each call observed and asked who makes it.
  private static func router<Transport: ServerTransport>(
    of services: [any RegistrableRPCService], _ routing: Routing, for transport: Transport.Type
  ) throws -> (RPCRouter<Transport>, HealthService) {
    var router = RPCRouter<Transport>()
    for service in services { service.registerMethods(with: &router) }
    let health = HealthService(
      services: Array(Set(router.methods.map(\.service))), dependencies: routing.dependencies)
    health.registerMethods(with: &router)
    if routing.servesReflection {
      try ReflectionService(of: router.methods.map(\.service)).registerMethods(with: &router)
    }
    try routing.access?.requireRoles(of: router.methods)
    let interceptors: [any ServerInterceptor] =
      [routing.observer] + (routing.access.map { [AccessInterceptor($0)] } ?? [])
    router.registerInterceptors(pipeline: interceptors.map { .apply($0, to: .all) })
    return (router, health)
  }

  /// Runs the servers with what belongs to them, until a signal or an error ends them.
  private static func run(
    _ servers: any Service, _ parts: ServiceParts, _ health: HealthService, _ tracing: ServiceTracing?,
    _ logger: Logger, signals: Bool
  ) async throws {
    let required = parts.dependencies.filter { parts.requirements.contains($0.key) }
    let monitors = required.isEmpty ? [] : [RequirementMonitor(probes: required, health: health, logger: logger)]
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .notice)
    // The last is shut down first: what the last calls have to tell reaches the collector.
    let exporters = [tracing?.exporter].compactMap(\.self)
    let group = ServiceGroup(
      services: exporters + [FreeMemoryRelease()] + parts.background + monitors + [servers],
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
