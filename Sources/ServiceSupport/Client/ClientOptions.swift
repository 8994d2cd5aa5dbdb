// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
package import GRPCTransport

/// How a client of these services connects.
package struct ClientOptions: Sendable, Equatable {
  /// Largest message taken or sent, in bytes; the same default as the services'.
  package var maxMessageBytes: Int
  /// Calls wait for a server that is not up yet, as long as their deadline allows, instead of failing with UNAVAILABLE.
  package var waitForReady: Bool
  /// Send nothing to a replica whose health says NOT_SERVING: one that drains loses no request that way.
  package var followsHealth: Bool
  /// Nil for no TLS.
  package var tls: CGrpcClientTransport.Configuration.TLS?
  /// What says who calls; nil for nothing.
  package var token: TokenFile?

  package init(
    maxMessageBytes: Int = 64 << 20, waitForReady: Bool = false, followsHealth: Bool = true,
    tls: CGrpcClientTransport.Configuration.TLS? = nil, token: TokenFile? = nil
  ) {
    self.tls = tls
    self.token = token
    self.maxMessageBytes = maxMessageBytes
    self.waitForReady = waitForReady
    self.followsHealth = followsHealth
  }

  var transport: CGrpcClientTransport.Configuration {
    var configuration = CGrpcClientTransport.Configuration.defaults
    configuration.maxReceiveMessageBytes = maxMessageBytes
    configuration.maxSendMessageBytes = maxMessageBytes
    configuration.serviceConfig = .client(waitForReady: waitForReady)
    configuration.healthCheckedService = followsHealth ? "" : nil
    configuration.tls = tls
    // A replica that comes back is found within seconds, not minutes.
    configuration.backoff.initial = .milliseconds(200)
    configuration.backoff.max = .seconds(5)
    return configuration
  }
}

extension ClientOptions {
  /// - Throws: SettingsError where the token would go where others can read it.
  func interceptors(for target: String) throws(SettingsError) -> [any ClientInterceptor] {
    guard let token else { return [OutgoingCallTracer()] }
    guard tls != nil || LoopbackAddress.isOnly(in: target) else {
      throw SettingsError(
        "the token of \(token.path) would be sent to \(target) without TLS, where others can read it; give --tls-ca, the "
          + "authorities of the services",
        isUsage: true)
    }
    return [OutgoingCallTracer(), TokenSender(token: token)]
  }
}

/// A client of these services, for a process that keeps it: run it as ``ClientService`` or in `runConnections()`. Its calls are parts
/// of the RPC that they are made for.
///
/// - Parameter target: as gRPC names it: "host:port", "dns:///host:port", "ipv4:10.0.0.1:50052,10.0.0.2:50052", "unix:/path".
/// - Throws: `TransportError` for a malformed target; an unreachable one shows in the calls. SettingsError for a token that would be sent
///   in the clear.
package func makeClient(
  target: String, options: ClientOptions = ClientOptions()
) throws -> GRPCClient<CGrpcClientTransport> {
  let interceptors = try options.interceptors(for: target)
  return GRPCClient(
    transport: try CGrpcClientTransport(target: target, configuration: options.transport), interceptors: interceptors)
}

/// Runs `body` with a client of these services and closes its connections afterwards. See ``makeClient(target:options:)``.
package func withClient<Value: Sendable>(
  target: String, options: ClientOptions = ClientOptions(), isolation: isolated (any Actor)? = #isolation,
  _ body: (GRPCClient<CGrpcClientTransport>) async throws -> Value
) async throws -> Value {
  let interceptors = try options.interceptors(for: target)
  let transport = try CGrpcClientTransport(target: target, configuration: options.transport)
  return try await withRunningClient(
    transport: transport, interceptors: interceptors, isolation: isolation, body)
}
