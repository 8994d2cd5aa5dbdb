// SPDX-License-Identifier: Apache-2.0

import HTTPServer
package import Logging
import Metrics
import PrometheusMetrics
import Synchronization

/// What a service tells over HTTP to those who watch it: `/metrics`, `/healthz`, `/readyz` and a status page.
///
/// It answers from the process's first moment to its last, on a thread of its own: what loads, drains or is overloaded can
/// be seen.
package final class ServiceWatch: Sendable {
  enum Phase: String {
    case loading
    case serving
    /// It takes requests, and another service that it cannot answer without is not well.
    case waiting
    case draining
  }

  private struct Served {
    let health: HealthService
    let services: [String]
  }

  package let port: Int
  private let name: String
  private let settings: ServiceSettings
  private let registry: PrometheusRegistry
  private let start = ContinuousClock.now
  private let server: Mutex<HTTPServer?>
  /// Nil while the service loads.
  private let served = Mutex<Served?>(nil)

  /// Listens from now on where the settings say; nil where they name no port.
  package static func begin(_ name: String, _ settings: ServiceSettings, logger: Logger) throws -> ServiceWatch? {
    guard let port = settings.httpPort else { return nil }
    let watch = try ServiceWatch(name, settings, port: port, registry: ServiceMetrics.registry)
    if let file = settings.httpPortFile { try PortFile.write(watch.port, to: file, flag: "--http-port-file") }
    logger.notice("HTTP for those who watch", metadata: ["host": "\(settings.httpHost)", "port": "\(watch.port)"])
    return watch
  }

  init(_ name: String, _ settings: ServiceSettings, port: Int, registry: PrometheusRegistry) throws {
    self.name = name
    self.settings = settings
    self.registry = registry
    let handler = Handler()
    let server: HTTPServer
    do {
      server = try HTTPServer(host: settings.httpHost, port: port, handler: handler.answer)
    } catch let error as HTTPServerError {
      throw SettingsError("--http-port: \(error); choose another with --http-host and --http-port")
    }
    self.port = server.port
    self.server = Mutex(server)
    registry.add { [weak self] in self?.samples() ?? [] }
    handler.watch = self
  }

  /// The service has been loaded, and `health` says from now on how it is.
  func serving(_ parts: ServiceParts, services: [String], health: HealthService) {
    for reader in parts.metrics { registry.add(reader) }
    served.withLock { $0 = Served(health: health, services: services) }
  }

  /// Answers nobody any more.
  package func end() async {
    let server = server.withLock { $0.take() }
    await server?.stop()
  }

  private func samples() -> [MetricSample] {
    [
      MetricSample("illmrec_build_info", [("service", name), ("version", Product.version)], 1),
      MetricSample("illmrec_ready", [], phase == .serving ? 1 : 0),
    ]
  }

  private var phase: Phase {
    guard let health = served.withLock({ $0?.health }) else { return .loading }
    return health.phase
  }
}

// MARK: On the server's thread

extension ServiceWatch {
  /// What the server calls; it begins before the watch is there in whole, and the watch does not outlive its end.
  private final class Handler: Sendable {
    private let state = Mutex<Weak>(Weak())

    private struct Weak { weak var watch: ServiceWatch? }

    var watch: ServiceWatch? {
      get { state.withLock(\.watch) }
      set { state.withLock { $0.watch = newValue } }
    }

    func answer(_ request: HTTPRequest) -> HTTPResponse {
      watch?.answer(request) ?? HTTPResponse(.unavailable, text: "starting")
    }
  }

  private static let paths: Set<String> = ["/", "/metrics", "/healthz", "/readyz"]

  func answer(_ request: HTTPRequest) -> HTTPResponse {
    let response = response(to: request.path)
    // A stranger's paths are no labels.
    let path = Self.paths.contains(request.path) ? request.path : "other"
    Counter(
      label: "illmrec_http_requests_total", dimensions: [("path", path), ("status", "\(response.status.rawValue)")]
    ).increment()
    return response
  }

  private func response(to path: String) -> HTTPResponse {
    switch path {
    case "/metrics": return HTTPResponse(.ok, contentType: PrometheusRegistry.contentType, registry.text())
    case "/healthz": return HTTPResponse(.ok, text: "alive")
    case "/readyz":
      let phase = phase
      return HTTPResponse(phase == .serving ? .ok : .unavailable, text: phase.rawValue)
    case "/":
      let services = served.withLock { $0?.services ?? [] }
      let page = StatusPage(
        name: name, phase: phase, uptime: start.duration(to: .now), settings: settings.all, services: services)
      return HTTPResponse(
        .ok, contentType: "text/html; charset=utf-8", Array(page.html.utf8), headers: StatusPage.headers)
    default:
      return HTTPResponse(.notFound, text: "served here: / /metrics /healthz /readyz")
    }
  }
}
