// SPDX-License-Identifier: Apache-2.0

import CGrpcShim

/// Who a client is by its certificate, which one of the server's authorities has signed and whose key the client holds.
public struct PeerCertificate: Sendable, Hashable {
  /// The whole subject on one line, as RFC 2253 writes it: "CN=gateway,O=shop".
  public fileprivate(set) var subject = ""
  public fileprivate(set) var commonName: String?
  /// Of the certificate's alternative names, in its order; a SPIFFE id is a URI.
  public fileprivate(set) var dnsNames: [String] = []
  public fileprivate(set) var uris: [String] = []
  public fileprivate(set) var emails: [String] = []

  init() {}

  /// For who tests what is made of one.
  package init(subject: String, dnsNames: [String] = [], uris: [String] = [], emails: [String] = []) {
    self.subject = subject
    self.dnsNames = dnsNames
    self.uris = uris
    self.emails = emails
  }
}

extension CallHandle {
  /// Nil when the client showed no certificate or was not asked for one.
  func peerCertificate() -> PeerCertificate? {
    var found: PeerCertificate?
    withUnsafeMutablePointer(to: &found) { found in
      withPeerNames(found) { context, kind, name, count in
        guard let context, let name else { return }
        let text = String(decoding: UnsafeRawBufferPointer(start: name, count: count), as: UTF8.self)
        context.assumingMemoryBound(to: PeerCertificate?.self).pointee.add(text, kind)
      }
    }
    return found
  }
}

extension PeerCertificate? {
  fileprivate mutating func add(_ name: String, _ kind: illmrec_peer_name) {
    var certificate = self ?? PeerCertificate()
    switch kind {
    case ILLMREC_PEER_SUBJECT: certificate.subject = name
    case ILLMREC_PEER_COMMON_NAME: certificate.commonName = name
    case ILLMREC_PEER_DNS_NAME: certificate.dnsNames.append(name)
    case ILLMREC_PEER_URI: certificate.uris.append(name)
    case ILLMREC_PEER_EMAIL: certificate.emails.append(name)
    default: break
    }
    self = certificate
  }
}
