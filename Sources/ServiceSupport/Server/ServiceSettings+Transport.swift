// SPDX-License-Identifier: Apache-2.0

import GRPCTransport
import Logging

extension ServiceSettings {
  /// - Parameter descriptors: of the process, which connections have to do with.
  func transport(descriptors: DescriptorLimit, logger: Logger) -> CGrpcServerTransport.Configuration {
    var configuration = CGrpcServerTransport.Configuration.defaults
    configuration.maxReceiveMessageBytes = maxMessageBytes
    configuration.maxSendMessageBytes = maxMessageBytes
    // Handlers decode megabytes and tokenise prompts before they first suspend: too long for the thread of the queue.
    configuration.handlerStart = .onConcurrentPool
    configuration.defaultDeadline = defaultDeadline
    configuration.requestGuard = DecodingBudget(maxMessage: maxDecodedBytes, maxInProgress: maxBytesInProgress)
    configuration.maxMetadataBytes = network.maxRequestMetadataBytes
    configuration.acceptsCompression = network.acceptsCompression
    configuration.maxConcurrentStreams = network.maxConcurrentStreams
    configuration.maxConcurrentCalls = network.maxConcurrentCalls
    configuration.maxMemoryBytes = network.maxTransportBytes ?? 6 * maxMessageBytes
    configuration.keepalive.interval = network.keepaliveInterval
    configuration.keepalive.timeout = network.keepaliveTimeout
    configuration.keepalive.minClientInterval = network.minClientPingInterval
    configuration.connection.maxIdle = network.maxConnectionIdle
    configuration.connection.maxAge = network.maxConnectionAge
    configuration.connection.maxAgeGrace = network.maxConnectionAgeGrace
    configuration.connection.handshakeTimeout = network.handshakeTimeout
    configuration.connectionLimits = connectionLimits(descriptors)
    configuration.tls = serverTLS(logger)
    let refusals = EarlyRefusals()
    configuration.onRefusal = { refusals.note($0, $1) }
    return configuration
  }

  /// No address may take all of what there is.
  private func connectionLimits(
    _ descriptors: DescriptorLimit
  ) -> CGrpcServerTransport.Configuration.ConnectionLimits {
    var limits = CGrpcServerTransport.Configuration.ConnectionLimits()
    let total = min(network.maxConnections.unlessZero ?? .max, descriptors.forConnections)
    limits.total = total
    limits.perAddress = network.maxConnectionsPerAddress.unlessZero.map { min($0, max(1, total / 2)) }
    limits.idleFramesPerSecond = network.maxIdleFrames.unlessZero
    return limits
  }

  private func serverTLS(_ logger: Logger) -> CGrpcServerTransport.Configuration.TLS? {
    guard let certificate = tls.certificate, let key = tls.key else { return nil }
    var files = CGrpcServerTransport.Configuration.TLS(
      certificate: certificate, key: key, clientAuthorities: tls.clientAuthorities)
    files.onChange = { problem in
      if let problem {
        logger.warning(
          "the changed TLS files are not used; what they held before goes on", metadata: ["problem": "\(problem)"])
      } else {
        logger.notice("the changed TLS files are used for new connections", metadata: ["certificate": "\(certificate)"])
      }
    }
    return files
  }
}
