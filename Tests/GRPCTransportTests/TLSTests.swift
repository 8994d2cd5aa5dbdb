// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCTransport
import TestSupport
import Testing

extension CoreTests {
  @Suite("Both sides of a connection prove who they are") struct TLSTests {
    typealias ServerTLS = CGrpcServerTransport.Configuration.TLS
    typealias ClientTLS = CGrpcClientTransport.Configuration.TLS

    let directory: TemporaryDirectory
    let authority: CertificateAuthority
    let server: CertificateAuthority.Pair

    init() throws {
      directory = try TemporaryDirectory()
      authority = try CertificateAuthority(in: directory)
      server = try authority.issue("server")
    }

    private func clientTLS(
      _ authority: CertificateAuthority? = nil, _ pair: CertificateAuthority.Pair? = nil, serverName: String? = nil
    ) -> ClientTLS {
      ClientTLS(
        authorities: (authority ?? self.authority).certificate, certificate: pair?.certificate, key: pair?.key,
        serverName: serverName)
    }

    /// Serves by TLS while `body` calls.
    private func serve(
      _ pair: CertificateAuthority.Pair? = nil, clients: CertificateAuthority? = nil,
      service: TestService = .echo, changes: Recorder<String?>? = nil,
      _ body: @Sendable (_ target: String) async throws -> Void
    ) async throws {
      var configuration = CGrpcServerTransport.Configuration.defaults
      let pair = pair ?? server
      var tls = ServerTLS(certificate: pair.certificate, key: pair.key, clientAuthorities: clients?.certificate)
      tls.onChange = { changes?.note($0) }
      configuration.tls = tls
      try await withServer(of: service, configuration: configuration) { _, target in try await body(target) }
      try await expectNoLiveObjects()
    }

    /// One call over a connection of its own.
    @discardableResult
    private static func call(
      _ target: String, _ tls: ClientTLS?, _ method: MethodDescriptor = TestService.unary
    )
      async throws -> [UInt8]
    {
      var configuration = CGrpcClientTransport.Configuration.defaults
      configuration.tls = tls
      let transport = try CGrpcClientTransport(target: target, configuration: configuration)
      return try await withRunningClient(transport: transport) { client in
        try await client.callUnary(method, [1, 2, 3], options: .timeout(.seconds(120)))
      }
    }

    /// A call is answered so.
    private static func expect(
      _ reply: [UInt8], _ target: String, _ tls: ClientTLS?, location: SourceLocation = #_sourceLocation
    ) async throws {
      let received = try await call(target, tls)
      #expect(received == reply, sourceLocation: location)
    }

    private static func refusal(_ target: String, _ tls: ClientTLS?) async throws -> RPCError {
      let error = try await rpcError { try await call(target, tls) }
      #expect(error.code == .unavailable)
      return error
    }

    @Test func `A client that trusts the server's authority calls it, and shows nothing of itself`() async throws {
      let tls = clientTLS()
      let service = TestService.all { _, context in
        #expect(context.peerCertificate == nil)
        return StreamingServerResponse { writer in
          try await writer.write([7])
          return [:]
        }
      }
      try await serve(service: service) { target in
        try await Self.expect([7], target, tls)
      }
    }

    @Test func `A server of another authority is refused`() async throws {
      let tls = clientTLS(try CertificateAuthority("stranger", in: directory))
      try await serve { target in
        let error = try await Self.refusal(target, tls)
        #expect(error.message.contains("certificate verify failed"))
      }
    }

    @Test func `A server whose certificate has expired is refused`() async throws {
      let tls = clientTLS()
      try await serve(try authority.issue("expired", days: -1)) { target in
        let error = try await Self.refusal(target, tls)
        #expect(error.message.contains("certificate verify failed"))
      }
    }

    @Test func `A server with another name is refused, unless the client expects that name`() async throws {
      let tls = clientTLS()
      let named = clientTLS(serverName: "elsewhere.example")
      try await serve(try authority.issue("elsewhere", ["DNS:elsewhere.example"])) { target in
        let error = try await Self.refusal(target, tls)
        #expect(error.message.contains("ame"))
        try await Self.expect([1, 2, 3], target, named)
      }
    }

    @Test func `Plain clients and servers of TLS do not meet`() async throws {
      let tls = clientTLS()
      try await serve { target in _ = try await Self.refusal(target, nil) }
      try await withServer { _, target in _ = try await Self.refusal(target, tls) }
      try await expectNoLiveObjects()
    }

    @Test func `A handler knows its client by every name of the certificate`() async throws {
      let names = ["DNS:a.example", "DNS:b.example", "URI:spiffe://shop/gateway", "email:ops@shop.example"]
      let tls = clientTLS(nil, try authority.issue("gateway", names))
      let service = TestService.all { _, context in
        let peer = try #require(context.peerCertificate)
        #expect(peer.commonName == "gateway")
        #expect(peer.subject == "CN=gateway,O=illmrec")
        #expect(peer.dnsNames == ["a.example", "b.example"])
        #expect(peer.uris == ["spiffe://shop/gateway"])
        #expect(peer.emails == ["ops@shop.example"])
        return StreamingServerResponse { writer in
          try await writer.write([8])
          return [:]
        }
      }
      try await serve(clients: authority, service: service) { target in
        try await Self.expect([8], target, tls)
      }
    }

    @Test func `A client without a certificate, with a stranger's or with an expired one reaches no handler`()
      async throws
    {
      let stranger = try CertificateAuthority("stranger", in: directory)
      let refused = [
        clientTLS(), clientTLS(nil, try stranger.issue("strange")),
        clientTLS(nil, try authority.issue("late", days: -1)),
      ]
      let known = clientTLS(nil, try authority.issue("known"))
      let calls = Counter()
      let service = TestService.all { _, _ in
        calls.increment()
        return StreamingServerResponse { writer in
          try await writer.write([9])
          return [:]
        }
      }
      try await serve(clients: authority, service: service) { target in
        for tls in refused { _ = try await Self.refusal(target, tls) }
        #expect(calls.value == 0)
        try await Self.expect([9], target, known)
        #expect(calls.value == 1)
      }
    }

    @Test func `A changed certificate is shown to the next client, and who is connected stays`() async throws {
      let next = try CertificateAuthority("next", in: directory)
      let successor = try next.issue("successor")
      let (old, new) = (clientTLS(), clientTLS(next))
      let changes = Recorder<String?>()
      let files = server
      try await serve(changes: changes) { target in
        var configuration = CGrpcClientTransport.Configuration.defaults
        configuration.tls = old
        try await withRunningClient(
          transport: try CGrpcClientTransport(target: target, configuration: configuration)
        ) { connected in
          try await connected.callUnary(TestService.unary, [1])
          // The certificate of one and the key of the other do not fit: the old ones go on.
          try Self.replace(files.certificate, by: successor.certificate)
          try await Self.expect([1, 2, 3], target, old)
          #expect(changes.values.count == 1)
          #expect(changes.values.first??.contains("is not the key") == true)
          try Self.replace(files.key, by: successor.key)
          try await Self.expect([1, 2, 3], target, new)
          #expect(changes.values.last == .some(nil))
          _ = try await Self.refusal(target, old)
          #expect(try await connected.callUnary(TestService.unary, [2]) == [2])
        }
      }
    }

    @Test func `Clients of an authority that is taken out of the file are refused from then on`() async throws {
      let next = try CertificateAuthority("next", in: directory)
      let (old, new) = (clientTLS(nil, try authority.issue("old")), clientTLS(nil, try next.issue("new")))
      let clients = try CertificateAuthority("clients", in: directory)
      try Self.replace(clients.certificate, by: authority.certificate)
      try await serve(clients: clients) { target in
        try await Self.expect([1, 2, 3], target, old)
        _ = try await Self.refusal(target, new)
        try Self.replace(clients.certificate, by: next.certificate)
        try await Self.expect([1, 2, 3], target, new)
        _ = try await Self.refusal(target, old)
      }
    }

    @Test func `A client shows its changed certificate without being made anew`() async throws {
      let next = try CertificateAuthority("next", in: directory)
      let (pair, successor) = (try authority.issue("pair"), try next.issue("successor"))
      var configuration = CGrpcClientTransport.Configuration.defaults
      configuration.tls = clientTLS(nil, pair)
      configuration.backoff.initial = .milliseconds(50)
      configuration.backoff.max = .milliseconds(50)
      let client = configuration
      try await serve(clients: next) { target in
        try await withRunningClient(transport: try CGrpcClientTransport(target: target, configuration: client)) {
          client in
          _ = try await rpcError { try await client.callUnary(TestService.unary, [1]) }
          try Self.replace(pair.certificate, by: successor.certificate)
          try Self.replace(pair.key, by: successor.key)
          var reply: [UInt8]?
          while reply == nil {
            reply = try? await client.callUnary(TestService.unary, [1])
            try await Task.sleep(for: .milliseconds(20))
          }
          #expect(reply == [1])
        }
      }
    }

    /// As a tool does that writes a new file beside the old one and puts it in its place.
    private static func replace(_ file: String, by other: String) throws {
      let beside = "\(file).new"
      try FileManager.default.copyItem(atPath: other, toPath: beside)
      rename(beside, file)
    }

    @Test func `Files that cannot be used are named before anything listens`() throws {
      let other = try authority.issue("other")
      let text = try directory.write("no certificate", to: "text.pem")
      let cases: [(ServerTLS, String)] = [
        (.init(certificate: directory.file("none.pem"), key: server.key), "none.pem cannot be read: No such file"),
        (.init(certificate: text, key: server.key), "text.pem holds no certificate"),
        (.init(certificate: server.certificate, key: text), "text.pem holds no private key"),
        (
          .init(certificate: server.certificate, key: other.key), "other.key is not the key of the first certificate in"
        ),
        (
          .init(certificate: server.certificate, key: server.key, clientAuthorities: text),
          "text.pem holds no certificate"
        ),
      ]
      for (tls, message) in cases {
        var configuration = CGrpcServerTransport.Configuration.defaults
        configuration.tls = tls
        let error = #expect(throws: TransportError.self) {
          _ = try CGrpcServerTransport(address: "127.0.0.1:0", configuration: configuration)
        }
        #expect(error?.code == .invalidCertificate)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
      }
    }

    @Test func `A client's certificate without its key is refused`() throws {
      var configuration = CGrpcClientTransport.Configuration.defaults
      configuration.tls = ClientTLS(authorities: authority.certificate, certificate: server.certificate)
      let error = #expect(throws: TransportError.self) {
        _ = try CGrpcClientTransport(target: "ipv4:127.0.0.1:9", configuration: configuration)
      }
      #expect(error?.code == .invalidConfiguration)
    }
  }
}
