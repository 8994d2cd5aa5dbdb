// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The addresses that no other machine can reach.
enum LoopbackAddress {
  /// A name other than localhost is taken for one that others can reach: what it stands for may change.
  static func contains(_ host: String) -> Bool {
    if host == "localhost" || host.hasPrefix("unix:") { return true }
    var four = in_addr()
    if inet_pton(AF_INET, host, &four) == 1 { return UInt32(bigEndian: four.s_addr) >> 24 == 127 }
    var six = in6_addr()
    guard inet_pton(AF_INET6, host, &six) == 1 else { return false }
    return withUnsafeBytes(of: six) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
  }

  /// Whether all addresses of a target, as gRPC names it, are of this machine.
  static func isOnly(in target: String) -> Bool {
    if ["unix:", "unix-abstract:"].contains(where: target.hasPrefix) { return true }
    var rest = target[...]
    for scheme in ["dns:", "ipv4:", "ipv6:"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
    if rest.hasPrefix("///") { rest = rest.dropFirst(3) }
    let addresses = rest.split(separator: ",", omittingEmptySubsequences: false)
    return addresses.allSatisfy { contains(host(of: $0)) }
  }

  /// Without the port and an IPv6 address's brackets.
  private static func host(of address: Substring) -> String {
    if address.hasPrefix("["), let end = address.lastIndex(of: "]") {
      return String(address[address.index(after: address.startIndex)..<end])
    }
    guard address.count(where: { $0 == ":" }) == 1, let colon = address.firstIndex(of: ":") else {
      return String(address)
    }
    return String(address[..<colon])
  }
}
