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
}
