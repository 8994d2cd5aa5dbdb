// SPDX-License-Identifier: Apache-2.0

/// What a server does with messages between core and their handler: the part of its configuration that each call holds.
struct ServerMessageRules: Sendable {
  let requestGuard: (any RequestGuard)?
  /// The most bytes of a request that came compressed; core has looked at the others.
  let maxInflatedBytes: Int
  let compressesResponses: Bool

  init(_ configuration: CGrpcServerTransport.Configuration) {
    self.requestGuard = configuration.requestGuard
    self.maxInflatedBytes = configuration.maxReceiveMessageBytes
    self.compressesResponses = configuration.compressesResponses
  }
}
