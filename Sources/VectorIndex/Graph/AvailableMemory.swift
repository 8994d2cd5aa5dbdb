// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Memory that this process may still take, as far as the system says it.
enum AvailableMemory {
  /// The least of what the machine has left and what the process's control group allows; nil when neither is known.
  static func bytes() -> UInt64? {
    let machine = value(of: "MemAvailable:", in: "/proc/meminfo").map { $0 << 10 }
    let group = number(in: "/sys/fs/cgroup/memory.max").flatMap { limit in
      number(in: "/sys/fs/cgroup/memory.current").map { used in limit > used ? limit - used : 0 }
    }
    return [machine, group].compactMap(\.self).min()
  }

  private static func value(of key: String, in path: String) -> UInt64? {
    let line = text(of: path)?.split(separator: "\n").first { $0.hasPrefix(key) }
    return line?.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
  }

  /// Nil for "max" too.
  private static func number(in path: String) -> UInt64? {
    text(of: path)?.split(separator: "\n").first.flatMap { UInt64($0) }
  }

  private static func text(of path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}
