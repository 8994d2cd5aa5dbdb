// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCTransport
import Logging
import ServiceAPI
import ServiceTestSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("Calls come through whose caller may make them", .timeLimit(.minutes(60))) struct AccessOverTLSTests {
  private typealias Client = LLM_LLMService.Client

  private let fixture: PolicyFixture

  init() throws { fixture = try PolicyFixture() }

  /// Counts the messages that are looked at before they are decoded.
  private final class CountingGuard: RequestGuard {
    let count = Atomic(0)

    func admit(_ message: MessageBytes, of method: MethodDescriptor) throws -> Int {
      count.add(1, ordering: .relaxed)
      return 0
    }

    func release(_ granted: Int) {}
  }

  private func token(_ token: BearerToken) throws -> TokenFile {
    let path = fixture.directory.file("token-\(UUID().uuidString)")
    _ = FileManager.default.createFile(
      atPath: path, contents: Data(token.text.utf8), attributes: [.posixPermissions: 0o600])
    return try TokenFile(path)
  }

  private static func refusal(
    _ client: GRPCClient<some ClientTransport>, _ metadata: Metadata = [:]
  ) async -> RPCError? {
    do {
      _ = try await Client(wrapping: client).encodeUsers(.init(), metadata: metadata)
      return nil
    } catch {
      return error as? RPCError
    }
  }

  @Test func `Over mutual TLS a certificate or a token says who calls, and who may not is refused undecoded`()
    async throws
  {
    let authority = try CertificateAuthority(in: fixture.directory)
    let (server, indexer) = (
      try authority.issue("server"), try authority.issue("indexer", ["URI:spiffe://shop/indexer"])
    )
    let stranger = try authority.issue("stranger", ["URI:spiffe://shop/indexer2", "DNS:ops.internal.example"])
    let control = try fixture.control("{\(fixture.identities())}")
    let (guarding, record) = (CountingGuard(), LogRecord())
    var configuration = CGrpcServerTransport.Configuration.defaults
    configuration.requestGuard = guarding
    configuration.tls = .init(
      certificate: server.certificate, key: server.key, clientAuthorities: authority.certificate)
    let transport = try CGrpcServerTransport(address: "127.0.0.1:0", configuration: configuration)
    let target = "localhost:\(transport.boundPort ?? 0)"
    func options(_ pair: CertificateAuthority.Pair, _ token: TokenFile? = nil) -> ClientOptions {
      ClientOptions(
        followsHealth: false,
        tls: .init(authorities: authority.certificate, certificate: pair.certificate, key: pair.key), token: token)
    }
    try await withGRPCServer(
      transport: transport, services: [ScriptedService()],
      interceptors: [RPCObserver(logger: record.logger), AccessInterceptor(control)]
    ) { _ in
      let none = try await withClient(target: target, options: options(stranger)) { await Self.refusal($0) }
      #expect(none?.code == .unauthenticated && none?.reason == "UNAUTHENTICATED")
      let reader = try await withClient(target: target, options: options(stranger, token(fixture.shop))) {
        await Self.refusal($0)
      }
      #expect(reader?.code == .permissionDenied && reader?.reason == "ROLE_MISSING")
      #expect(reader?.message.contains("the role encode, and \"shop\" has read") == true)
      // A token that is not valid is not made good by a certificate.
      let wrong = try await withClient(target: target, options: options(indexer, token(.random()))) {
        await Self.refusal($0)
      }
      #expect(wrong?.code == .unauthenticated && wrong?.message == none?.message)
      #expect(guarding.count.load(ordering: .relaxed) == 0, "none of their messages was looked at")
      let byCertificate = try await withClient(target: target, options: options(indexer)) { await Self.refusal($0) }
      let byToken = try await withClient(target: target, options: options(stranger, token(fixture.operators))) {
        await Self.refusal($0)
      }
      #expect(byCertificate == nil && byToken == nil)
      #expect(guarding.count.load(ordering: .relaxed) == 2)
    }
    let told = record.lines.map { ($0.metadata["identity"]?.description, $0.metadata["refusal"]?.description) }
    #expect(told.map(\.0) == ["anonymous", "shop", nil, "indexer", "operators"])
    #expect(told.map(\.1) == [nil, nil, "the token is none of the policy's", nil, nil])
    let secrets = [fixture.shop.text, fixture.operators.text]
    #expect(!record.lines.contains { line in secrets.contains { "\(line)".contains($0) } })
  }

  @Test func `Health needs no identity, streams are held to it, and without a policy all is as before`() async throws {
    let control = try fixture.control("{\(fixture.identities())}")
    let health = HealthService(services: [.llm_LLMService])
    health.setServing(true)
    let metadata = Metadata.bearer(fixture.indexer.text)
    try await withServicesInProcess([ScriptedService(), health], access: control) { client in
      let status = try await Grpc_Health_V1_Health.Client(wrapping: client).check(.init()).status
      #expect(status == .serving)
      let refusal = await Self.streamRefusal(client, [:])
      #expect(refusal?.code == .unauthenticated)
      let count = try await Self.stream(client, metadata)
      #expect(count == 1)
    }
    let count = try await withServicesInProcess([ScriptedService()]) { try await Self.stream($0, [:]) }
    #expect(count == 1)
  }

  private static func streamRefusal(_ client: GRPCClient<some ClientTransport>, _ metadata: Metadata) async -> RPCError?
  {
    do {
      _ = try await stream(client, metadata)
      return nil
    } catch {
      return error as? RPCError
    }
  }

  private static func stream(_ client: GRPCClient<some ClientTransport>, _ metadata: Metadata) async throws -> Int {
    try await Client(wrapping: client).streamEncodeUsers(metadata: metadata) { writer in
      try await writer.write(.with { $0.user.userID = "u" })
    } onResponse: { response in
      try await response.messages.reduce(into: 0) { count, _ in count += 1 }
    }
  }

  @Test func `Calls beyond the quota are refused before they are begun, and told when to come again`() async throws {
    let began = Atomic(0)
    let service = ScriptedService { _, _ in began.add(1, ordering: .relaxed) }
    let token = BearerToken.random()
    let control = try fixture.control(
      """
      {"identities": [{"name": "a", "roles": ["encode"], "tokens": ["\(token.digest.text)"],
                       "quota": {"requests_per_second": 0.001, "burst": 2}}]}
      """)
    try await withServicesInProcess([service], access: control) { client in
      for _ in 0..<2 { _ = try await Client(wrapping: client).encodeUsers(.init(), metadata: .bearer(token.text)) }
      let error = await Self.refusal(client, .bearer(token.text))
      #expect(error?.code == .resourceExhausted && error?.reason == "QUOTA_EXCEEDED")
      #expect((error?.retryDelay ?? .zero) > .seconds(900))
    }
    #expect(began.load(ordering: .relaxed) == 2)
  }

  @Test func `Places of calls in progress come back with their ends, also of streams`() async throws {
    let token = BearerToken.random()
    let control = try fixture.control(
      """
      {"identities": [{"name": "a", "roles": ["encode"], "tokens": ["\(token.digest.text)"], "quota": {"concurrent": 1}}]}
      """)
    let fails = ScriptedService { _, _ in throw ServiceFailure(.noUsers, "send users") }
    try await withServicesInProcess([fails], access: control) { client in
      for _ in 0..<20 {
        let count = try await Self.stream(client, .bearer(token.text))
        #expect(count == 1)
        let error = await Self.refusal(client, .bearer(token.text))
        #expect(error?.reason == "NO_USERS")
      }
    }
  }
}
