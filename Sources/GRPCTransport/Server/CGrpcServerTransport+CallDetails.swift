// SPDX-License-Identifier: Apache-2.0

public import GRPCCore

extension CGrpcServerTransport {
  /// What this transport knows of a call beyond `ServerContext`'s own members; it is in `ServerContext.transportSpecific`.
  public struct CallDetails: ServerContext.TransportSpecific {
    /// When the client gives up; the call is cancelled then. Where the client never does, what the server's configuration gives.
    public let deadline: ContinuousClock.Instant?
    /// Who the client is, when the server asks clients for certificates.
    public let peerCertificate: PeerCertificate?
  }
}

extension ServerContext {
  /// When the client gives up, or the server's default for it, if there is one and the server's transport is `CGrpcServerTransport`.
  public var deadline: ContinuousClock.Instant? {
    (transportSpecific as? CGrpcServerTransport.CallDetails)?.deadline
  }

  /// Who the client is by its certificate, if the server's transport is `CGrpcServerTransport` and asks clients for one.
  public var peerCertificate: PeerCertificate? {
    (transportSpecific as? CGrpcServerTransport.CallDetails)?.peerCertificate
  }
}
