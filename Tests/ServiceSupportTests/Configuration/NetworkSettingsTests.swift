// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCTransport
import Logging
import ServiceTestSupport
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("A service listens to strangers only when told so") struct NetworkSettingsTests {
  private func resolve(_ flags: [String]) throws -> ServiceSettings {
    try ServiceOptions.parse(flags).resolve(defaultPort: 50052)
  }

  @Test(arguments: ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
  func `Addresses of this machine alone need nothing`(_ host: String) throws {
    #expect(try resolve(["--host", host]).host == host)
  }

  @Test(arguments: ["0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "::2", "fe80::1", "127.0.0.1.example", "shop.example"])
  func `Others need TLS, or --insecure`(_ host: String) throws {
    let error = #expect(throws: ValidationError.self) { try resolve(["--host", host]) }
    #expect(error?.message.hasPrefix("--host \(host) can be reached from other machines") == true)
    #expect(error?.message.contains("--insecure") == true)
    #expect(try resolve(["--host", host, "--insecure"]).tls.isInsecure)
    let tls = try resolve(["--host", host, "--tls-certificate", "c.pem", "--tls-key", "k.pem"])
    #expect(tls.tls.certificate == "c.pem")
    #expect(!tls.tls.isInsecure)
  }

  @Test func `The environment may say so as well`() throws {
    func isInsecure(_ text: String) throws -> Bool {
      let settings = try Settings(keys: ServiceSettings.keys, environment: ["ILLMREC_INSECURE": text])
      return try ServiceSettings(settings, defaultPort: 0).tls.isInsecure
    }
    #expect(try isInsecure("true"))
    #expect(try !isInsecure("false"))
    #expect(throws: SettingsError.self) { try isInsecure("maybe") }
  }

  @Test(arguments: [
    (["--tls-certificate", "c.pem"], "--tls-certificate and --tls-key belong together"),
    (["--tls-key", "k.pem"], "--tls-certificate and --tls-key belong together"),
    (["--tls-client-ca", "ca.pem"], "--tls-client-ca asks clients for certificates, which takes TLS"),
  ])
  func `Files that belong together are asked for together`(_ flags: [String], _ message: String) {
    let error = #expect(throws: ValidationError.self) { try resolve(flags) }
    #expect(error?.message.hasPrefix(message) == true)
  }

  @Test func `Clients name their files together too`() throws {
    func tls(_ environment: [String: String]) throws -> CGrpcClientTransport.Configuration.TLS? {
      try Settings(keys: ClientTLSSettings.keys, environment: environment).read(ClientTLSSettings.self).tls()
    }
    #expect(try tls([:]) == nil)
    #expect(try tls(["ILLMREC_TLS_CA": "ca.pem"]) == .init(authorities: "ca.pem"))
    let whole = [
      "ILLMREC_TLS_CA": "ca.pem", "ILLMREC_TLS_CLIENT_CERTIFICATE": "c.pem", "ILLMREC_TLS_CLIENT_KEY": "k.pem",
      "ILLMREC_TLS_SERVER_NAME": "shop.example",
    ]
    #expect(
      try tls(whole) == .init(authorities: "ca.pem", certificate: "c.pem", key: "k.pem", serverName: "shop.example"))
    #expect(throws: SettingsError.self) { try tls(["ILLMREC_TLS_CLIENT_KEY": "k.pem"]) }
    #expect(throws: SettingsError.self) { try tls(["ILLMREC_TLS_SERVER_NAME": "shop.example"]) }
    #expect(throws: SettingsError.self) {
      try tls(["ILLMREC_TLS_CLIENT_CERTIFICATE": "c.pem", "ILLMREC_TLS_CLIENT_KEY": "k.pem"])
    }
  }

  @Test func `The defaults bound what strangers can take`() throws {
    let limit = DescriptorLimit(soft: 20_000, hard: 20_000)
    let transport = try resolve([]).transport(descriptors: limit, logger: LogRecord().logger)
    #expect(!transport.acceptsCompression)
    #expect(transport.connectionLimits.total == 4096)
    #expect(transport.connectionLimits.perAddress == 1024)
    #expect(transport.connectionLimits.idleFramesPerSecond == 200)
    #expect(transport.maxConcurrentCalls == 10_000)
    #expect(transport.maxMemoryBytes == 6 * 64 << 20)
    #expect(transport.connection.maxIdle == .seconds(600))
    #expect(transport.connection.maxAge == nil)
    #expect(transport.tls == nil)
  }

  @Test func `Connections leave descriptors for other things, and no address has them all`() throws {
    let limit = DescriptorLimit(soft: 1024, hard: 1024)
    let transport = try resolve([]).transport(descriptors: limit, logger: LogRecord().logger)
    #expect(transport.connectionLimits.total == 768)
    #expect(transport.connectionLimits.perAddress == 384)
    let free = try resolve(["--max-connections", "0", "--max-connections-per-address", "0", "--compression", "on"])
      .transport(descriptors: limit, logger: LogRecord().logger)
    #expect(free.connectionLimits.total == 768)
    #expect(free.connectionLimits.perAddress == nil)
    #expect(free.acceptsCompression)
  }

  @Test func `The limit on open files is raised to what the system allows`() {
    let (before, now) = DescriptorLimit.raise()
    #expect(now.soft == before.hard)
  }
}
