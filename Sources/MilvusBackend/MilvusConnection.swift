// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import GRPCCore
import GRPCTransport
import VectorIndex

/// A client of a Milvus cluster that is kept for the life of the process.
final class MilvusConnection: Sendable {
  typealias Client = Milvus_Proto_Milvus_MilvusService.Client<CGrpcClientTransport>

  /// Milvus' own default for requests, answers and inserts.
  static let maxMessageBytes = 64 << 20

  let settings: MilvusSettings
  /// As messages call it.
  let place: String
  private let client: GRPCClient<CGrpcClientTransport>
  private let service: Client
  private let metadata: Metadata
  private let running: Task<Void, any Error>

  init(_ settings: MilvusSettings) throws {
    self.settings = settings
    place = "Milvus at \(settings.address)" + (settings.database.isEmpty ? "" : " (database \(settings.database))")
    let client = GRPCClient(
      transport: try CGrpcClientTransport(target: settings.address, configuration: Self.transport(tls: settings.tls)))
    self.client = client
    service = Client(wrapping: client)
    var metadata: Metadata = [:]
    if let token = settings.token {
      metadata.addString(Data(token.utf8).base64EncodedString(), forKey: "authorization")
    }
    self.metadata = metadata
    running = Task { try await client.runConnectionsUntilStopped() }
  }

  /// Closes the connections once the calls under way are over.
  func shutdown() async {
    client.beginGracefulShutdown()
    try? await running.value
  }

  /// Makes a call and reads its status.
  ///
  /// - Parameters:
  ///   - what: for errors, after "could not", e.g. "search collection x".
  ///   - timeout: at most.
  ///   - deadline: of whoever asked; the nearer of the two counts.
  func call<Response: MilvusResponse>(
    _ what: @autoclosure () -> String, timeout: Duration = .seconds(30), deadline: ContinuousClock.Instant? = nil,
    _ rpc: (Client, Metadata, CallOptions) async throws -> Response
  ) async throws(VectorIndexError) -> Response {
    let now = ContinuousClock.now
    if let deadline, deadline <= now {
      throw VectorIndexError(.deadlineExceeded, "no time was left to \(what())")
    }
    let response: Response
    do {
      response = try await CGrpcClientTransport.$callDeadline.withValue(min(now + timeout, deadline ?? now + timeout)) {
        try await rpc(service, metadata, .defaults)
      }
    } catch let error as RPCError {
      if Task.isCancelled { throw VectorIndexError(.cancelled, "nobody waits for it any more", cause: error) }
      throw VectorIndexError(error, doing: what(), at: place)
    } catch {
      if Task.isCancelled { throw VectorIndexError(.cancelled, "nobody waits for it any more", cause: error) }
      throw VectorIndexError(.backendFailed, "\(place) could not \(what()): \(error)", cause: error)
    }
    if let status = MilvusStatus(response.status) { throw VectorIndexError(status, doing: what(), at: place) }
    return response
  }

  private static func transport(
    tls: CGrpcClientTransport.Configuration.TLS?
  ) -> CGrpcClientTransport.Configuration {
    var configuration = CGrpcClientTransport.Configuration.defaults
    configuration.tls = tls
    // Answers may be larger than requests: Milvus bounds them by settings of its own.
    configuration.maxReceiveMessageBytes = 256 << 20
    configuration.maxSendMessageBytes = maxMessageBytes
    configuration.backoff.initial = .milliseconds(200)
    configuration.backoff.max = .seconds(5)
    // A proxy that went away without a word is noticed.
    configuration.keepalive.interval = .seconds(60)
    let retry = RetryPolicy(
      maxAttempts: 4, initialBackoff: .milliseconds(100), maxBackoff: .seconds(2), backoffMultiplier: 2,
      retryableStatusCodes: [.unavailable])
    configuration.serviceConfig = ServiceConfig(
      methodConfig: [MethodConfig(names: repeatable, executionPolicy: .retry(retry))],
      loadBalancingConfig: [.roundRobin])
    return configuration
  }

  /// What may be sent again when it is not known whether it arrived: everything but what adds rows or collections.
  private static var repeatable: [MethodConfig.Name] {
    typealias Method = Milvus_Proto_Milvus_MilvusService.Method
    let once = [Method.Insert.descriptor, Method.CreateCollection.descriptor, Method.CreateIndex.descriptor]
    return Method.descriptors.filter { !once.contains($0) }.map {
      MethodConfig.Name(service: $0.service.fullyQualifiedService, method: $0.method)
    }
  }
}
