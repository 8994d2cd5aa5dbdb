// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
package import ServiceAPI
import Synchronization

/// The standard health protocol: Check and Watch for the whole server (the empty name) and for each of its services. Check and List
/// also tell of systems that they depend on, by a name of their own: a server without them still serves what it can.
package final class HealthService: Sendable {
  package typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus
  /// Asks a system whether it is well; within seconds.
  package typealias Probe = @Sendable () async -> Bool

  private struct State {
    /// Whether the server takes requests: it has started and does not drain.
    var takesRequests = false
    /// Whether what it cannot answer without is well.
    var isAble = true
    /// Whether it ever took requests.
    var hasServed = false
    /// Set when the server drains: watchers are let go, so that they do not hold the server up.
    var hasEnded = false
    var nextWatcher = 0
    var watchers: [Int: AsyncStream<Bool>.Continuation] = [:]

    var isServing: Bool { takesRequests && isAble }
  }

  private let services: Set<String>
  private let dependencies: [String: Probe]
  private let state = Mutex(State())

  /// - Parameters:
  ///   - services: full names of the server's services, e.g. "illmrec.llm.v1.LLMService". They start NOT_SERVING.
  ///   - dependencies: what Check asks for names such as "milvus".
  package init(services: [ServiceDescriptor], dependencies: [String: Probe] = [:]) {
    self.dependencies = dependencies
    self.services = Set(services.map(\.fullyQualifiedService)).union([""])
  }

  /// SERVING from now on, unless the server is not able to; or NOT_SERVING. Watchers are told.
  package func setServing(_ takesRequests: Bool) { change { $0.takesRequests = takesRequests } }

  /// Whether the server can answer, whatever it takes: false while another service that it needs is not well.
  package func setAble(_ isAble: Bool) { change { $0.isAble = isAble } }

  private func change(_ change: (inout State) -> Void) {
    let (isServing, watchers) = state.withLock { state in
      change(&state)
      state.hasServed = state.hasServed || state.takesRequests
      return (state.isServing, Array(state.watchers.values))
    }
    for watcher in watchers { watcher.yield(isServing) }
  }

  /// Where the server is on its way from its start to its end.
  var phase: ServiceWatch.Phase {
    state.withLock { state in
      if state.takesRequests { return state.isAble ? .serving : .waiting }
      return state.hasServed ? .draining : .loading
    }
  }

  /// Ends every Watch with UNAVAILABLE, now and from now on.
  package func endWatches() {
    let watchers = state.withLock { state in
      state.hasEnded = true
      defer { state.watchers = [:] }
      return Array(state.watchers.values)
    }
    for watcher in watchers { watcher.finish() }
  }

  private static let maxNameBytes = 1000

  private func status(of service: String, isServing: Bool) -> Status {
    guard service.utf8.count <= Self.maxNameBytes, services.contains(service) else { return .serviceUnknown }
    return isServing ? .serving : .notServing
  }

  /// Yields the status now, then each change; a slow reader skips to the latest.
  private func changes() -> (stream: AsyncStream<Bool>, end: AsyncStream<Bool>.Continuation) {
    let (stream, continuation) = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingNewest(1))
    let id: Int? = state.withLock { state in
      continuation.yield(state.isServing)
      guard !state.hasEnded else { return nil }
      state.nextWatcher += 1
      state.watchers[state.nextWatcher] = continuation
      return state.nextWatcher
    }
    if let id {
      continuation.onTermination = { [weak self] _ in
        _ = self?.state.withLock { $0.watchers.removeValue(forKey: id) }
      }
    } else {
      continuation.finish()
    }
    return (stream, continuation)
  }
}

extension HealthService {
  /// Whether another server says that it serves, within two seconds.
  package static func probe(of client: GRPCClient<some ClientTransport>) -> Probe {
    {
      var options = CallOptions.defaults
      options.timeout = .seconds(2)
      let answer = try? await Grpc_Health_V1_Health.Client(wrapping: client).check(.init(), options: options)
      return answer?.status == .serving
    }
  }

  /// Of all at once.
  static func answers(of probes: [String: Probe]) async -> [(name: String, isWell: Bool)] {
    await withTaskGroup(of: (name: String, isWell: Bool).self) { group in
      for (name, probe) in probes { group.addTask { (name, await probe()) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
  }
}

extension HealthService: Grpc_Health_V1_Health.SimpleServiceProtocol {
  package func check(
    request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthCheckResponse {
    // Everybody may ask: what nothing is called is not looked for.
    guard request.service.utf8.count <= Self.maxNameBytes else {
      throw ServiceFailure(
        .serviceUnknown, "a name of \(request.service.utf8.count) bytes is that of nothing here", field: "service")
    }
    if let probe = dependencies[request.service] { return response(await probe() ? .serving : .notServing) }
    let status = status(of: request.service, isServing: state.withLock(\.isServing))
    guard status != .serviceUnknown else {
      throw ServiceFailure(
        .serviceUnknown,
        "\"\(request.service)\" is not served here; served: "
          + (services.sorted().dropFirst() + dependencies.keys.sorted()).joined(separator: ", "),
        field: "service")
    }
    return response(status)
  }

  package func watch(
    request: Grpc_Health_V1_HealthCheckRequest, response writer: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
    context: ServerContext
  ) async throws {
    let (changes, end) = changes()
    try await withRPCCancellationHandler {
      var last: Status?
      for await isServing in changes {
        let status = status(of: request.service, isServing: isServing)
        if status != last { try await writer.write(self.response(status)) }
        last = status
      }
    } onCancelRPC: {
      end.finish()
    }
    guard state.withLock(\.hasEnded) else { throw CancellationError() }
    throw ServiceFailure(.shuttingDown, "the server is shutting down; watch another replica")
  }

  package func list(
    request: Grpc_Health_V1_HealthListRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthListResponse {
    let own: Status = state.withLock(\.isServing) ? .serving : .notServing
    var response = Grpc_Health_V1_HealthListResponse()
    for service in services { response.statuses[service] = self.response(own) }
    for (name, isWell) in await Self.answers(of: dependencies) {
      response.statuses[name] = self.response(isWell ? .serving : .notServing)
    }
    return response
  }

  private func response(_ status: Status) -> Grpc_Health_V1_HealthCheckResponse {
    var response = Grpc_Health_V1_HealthCheckResponse()
    response.status = status
    return response
  }
}
