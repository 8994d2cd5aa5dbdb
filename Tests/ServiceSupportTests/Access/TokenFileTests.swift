// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCTransport
import Logging
import ServiceTestSupport
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("A caller's token stands in a file of its own", .timeLimit(.minutes(60))) struct TokenFileTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func write(_ text: String, mode: Int = 0o600) throws -> String {
    let path = try directory.write(text, to: "token")
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    return path
  }

  private func problem(_ path: String) -> String? {
    #expect(throws: SettingsError.self) { try TokenFile(path) }?.message
  }

  @Test func `A file that others may read is refused with what mends it`() throws {
    for mode in [0o644, 0o640, 0o604, 0o660, 0o606] {
      let path = try write("abc\n", mode: mode)
      #expect(problem(path) == "\(path) holds a token and others may read it; run: chmod 600 \(path)")
    }
    for mode in [0o600, 0o400] { #expect(try TokenFile(write("abc\n", mode: mode)).token.text == "abc") }
  }

  @Test(arguments: ["", "\n", "a b\n", "a\nb\n", "é", "a\u{0}"]) func `A file without one token is refused`(
    text: String
  ) throws {
    #expect(problem(try write(text))?.contains("does not hold one token") == true)
  }

  @Test func `A changed token is sent from the next call on`() async throws {
    let record = LogRecord()
    let path = try write("abc")
    let file = try TokenFile(path, logger: record.logger)
    _ = try write("a token and more")
    try await waitUntil {
      _ = file.token; return !record.lines.isEmpty
    }
    #expect(file.token.text == "abc")
    _ = try write("def\n")
    try await waitUntil { file.token.text == "def" }
    #expect(record.lines.map(\.level) == [.warning, .notice])
    #expect(!record.lines.contains { "\($0)".contains("def") })
  }

  @Test func `A token goes by TLS, or stays on this machine`() throws {
    let token = try TokenFile(write("abc"))
    let tls = ClientTLSOfTest.any
    for target in [
      "127.0.0.1:50051", "localhost:50051", "[::1]:50051", "unix:/run/illmrec.sock", "dns:///localhost:1",
      "ipv4:127.0.0.1:1,127.0.0.2:2",
      "ipv6:[::1]:5", "unix-abstract:x",
    ] { #expect(try sendsToken(ClientOptions(token: token), to: target), "\(target)") }
    for target in [
      "10.0.0.1:50051", "services:50051", "dns:///services:50051", "ipv4:127.0.0.1:1,10.0.0.1:1", "[2001:db8::1]:1",
      "dns://10.0.0.1/localhost:1", "localhost.example:1", "xds:///localhost", "",
    ] {
      let error = #expect(throws: SettingsError.self) { try ClientOptions(token: token).interceptors(for: target) }
      #expect(error?.message.contains("--tls-ca") == true)
      #expect(try sendsToken(ClientOptions(tls: tls, token: token), to: target))
      #expect(try !sendsToken(ClientOptions(), to: target))
    }
  }

  private func sendsToken(_ options: ClientOptions, to target: String) throws -> Bool {
    try options.interceptors(for: target).contains { $0 is TokenSender }
  }

  @Test func `A random token is one, and its digest is read again`() throws {
    let tokens = (0..<100).map { _ in BearerToken.random() }
    #expect(Set(tokens.map(\.text)).count == 100)
    for token in tokens {
      #expect(BearerToken(token.text) != nil && token.text.utf8.count == 51)
      #expect(TokenDigest(parsing: token.digest.text) == token.digest)
    }
    // As sha256sum prints it.
    #expect(
      BearerToken("abc")?.digest.text == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(TokenDigest(parsing: "sha256:" + String(repeating: "A", count: 64)) == nil)
  }
}

private enum ClientTLSOfTest {
  static let any = CGrpcClientTransport.Configuration.TLS(authorities: "ca.pem")
}
