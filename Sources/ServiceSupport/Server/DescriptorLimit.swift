// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How many files and sockets the process may have open.
struct DescriptorLimit {
  let soft: Int
  let hard: Int

  /// Raises the soft limit, which is low for the sake of old programs, to the hard one.
  static func raise() -> (before: DescriptorLimit, now: DescriptorLimit) {
    let before = current()
    var limit = rlimit(rlim_cur: rlim_t(before.hard), rlim_max: rlim_t(before.hard))
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return (before, current())
  }

  private static func current() -> DescriptorLimit {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return DescriptorLimit(soft: Int(clamping: limit.rlim_cur), hard: Int(clamping: limit.rlim_max))
  }

  /// How many of them connections may take: files, libraries and outgoing connections need the others.
  var forConnections: Int { soft - min(256, soft / 4) }
}
