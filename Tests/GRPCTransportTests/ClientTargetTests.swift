// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GRPCTransport

@Suite("A target is refused before core makes another one of it") struct ClientTargetTests {
  @Test(arguments: [
    "127.0.0.1:50053", "localhost:1", "host-1.example.com:65535", "host", "[::1]:80", "[::1]", "::1",
    "dns:///host:50051", "dns:host:50051", "dns://8.8.8.8/host:50051", "ipv4:10.0.0.1:50052,10.0.0.2:50052",
    "ipv6:[::1]:50052", "ipv6:[fe80::1%eth0]:1,[::2]:2", "unix:/tmp/a", "unix:///tmp/a", "unix:relative",
    "unix-abstract:name", "vsock:2:50051",
  ])
  func `What names a server is taken`(target: String) {
    #expect(throws: Never.self) { try ClientTarget.check(target) }
  }

  @Test(arguments: [
    "127.0.0.1:66051", "127.0.0.1:0", "127.0.0.1:-1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1: 80", "host:65536",
    "host:١", "host:99999999999999999999", "[::1]:70000", "[::1", "[host]:80", "a:b:80", ":80", "", " ", "host:80\n",
    "http://host:80", "host:80/path", "host:1,host:2", "dns:///host:65536", "dns:///", "dns://8.8.8.8", "dns:",
    "ipv4:10.0.0.1:1,10.0.0.2:65537", "ipv4:10.0.0.1", "ipv4:", "ipv4:host:1", "ipv6:10.0.0.1:1", "unix:",
  ])
  func `What names none, or another one than was written, is not`(target: String) {
    let error = #expect(throws: TransportError.self) { try ClientTarget.check(target) }
    #expect(error?.code == .invalidAddress)
  }
}
