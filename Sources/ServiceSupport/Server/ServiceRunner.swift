package import GRPCCore
package import Logging
import ServiceAPI
package import ServiceLifecycle
import UnixSignals

/// What a service process runs, made by its `load` step.
package struct ServiceParts: Sendable {
  package var services: [any RegistrableRPCService]
  /// Run beside the server and shut down after it, such as clients of other services.
  package var background: [any Service]
  /// Called when no request is in progress any more, e.g. to end compute threads.
  package var onShutdown: @Sendable () async -> Void

  package init(
    services: [any RegistrableRPCService], background: [any Service] = [],
    onShutdown: @escaping @Sendable () async -> Void = {}
  ) {
    self.services = services
    self.background = background
    self.onShutdown = onShutdown
  }
}

/// Runs a service process from its resolved settings to the end of its last thread.
package enum ServiceRunner {
  /// Serves on a transport that is bound already: the interceptors, the health service, signals, the port file.
  ///
  /// - Parameters:
  ///   - boundPort: written to the port file; nil for transports without ports.
  ///   - signals: whether SIGTERM and SIGINT shut the server down; a test shuts it down through its task instead.
  package static func serve<Transport: ServerTransport>(
    _ parts: ServiceParts, on transport: Transport, boundPort: Int?, settings: ServiceSettings, logger: Logger,
    signals: Bool = true
  ) async throws {
    var router = RPCRouter<Transport>()
    for service in parts.services { service.registerMethods(with: &router) }
    let health = HealthService(services: Array(Set(router.methods.map(\.service))))
    health.registerMethods(with: &router)
    router.registerInterceptors(pipeline: [.apply(RPCObserver(logger: logger), to: .all)])
    let server = ServerLifecycle(
      server: GRPCServer(transport: transport, router: router), health: health, shutdownGrace: settings.shutdownGrace,
      drainTimeout: settings.drainTimeout, logger: logger
    ) {
      if let portFile = settings.portFile, let boundPort { try PortFile.write(boundPort, to: portFile) }
      logger.notice("serving", metadata: ["host": "\(settings.host)", "port": "\(boundPort ?? settings.port)"])
    }
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .notice)
    let group = ServiceGroup(
      services: parts.background + [server], gracefulShutdownSignals: signals ? [.sigterm, .sigint] : [], logger: quiet)
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
