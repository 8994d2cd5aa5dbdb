// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// What the kernel knows of this process, under the names that Prometheus' clients use.
package enum ProcessMetrics {
  package static let descriptions = [
    MetricDescription(.counter, "process_cpu_seconds_total", "Processor time used, in user and kernel, in seconds."),
    MetricDescription(.gauge, "process_resident_memory_bytes", "Memory that is in RAM, in bytes."),
    MetricDescription(.gauge, "process_virtual_memory_bytes", "Address space, in bytes."),
    MetricDescription(.gauge, "process_open_fds", "Open file descriptors."),
    MetricDescription(.gauge, "process_max_fds", "File descriptors that may be open."),
    MetricDescription(.gauge, "process_threads", "Threads."),
    MetricDescription(.gauge, "process_start_time_seconds", "Start of the process, in seconds since 1970."),
  ]

  /// From the proc file system, which is memory. What cannot be read is left out.
  package static func samples() -> [MetricSample] {
    var samples: [MetricSample] = []
    if let fields = statFields(), fields.count > 21, let threads = Double(fields[17]), let start = Double(fields[19]),
      let virtual = Double(fields[20]), let pages = Double(fields[21])
    {
      let start = firstStartTime.withLock { known in
        known = known ?? startTime(ticks: start)
        return known ?? 0
      }
      samples += [
        MetricSample("process_threads", [], threads), MetricSample("process_virtual_memory_bytes", [], virtual),
        MetricSample("process_resident_memory_bytes", [], pages * Double(sysconf(Int32(_SC_PAGESIZE)))),
        MetricSample("process_start_time_seconds", [], start),
      ]
    }
    var time = timespec()
    if clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 {
      samples.append(
        MetricSample("process_cpu_seconds_total", [], Double(time.tv_sec) + Double(time.tv_nsec) / 1e9))
    }
    if let open = openDescriptors() { samples.append(MetricSample("process_open_fds", [], Double(open))) }
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      samples.append(MetricSample("process_max_fds", [], Double(limit.rlim_cur)))
    }
    return samples
  }

  /// Of /proc/self/stat, those behind the command's name, which may hold anything: the state is the first.
  private static func statFields() -> [Substring]? {
    let file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      count = max(0, read(file, buffer.baseAddress, buffer.count))
    }
    guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    return String(decoding: bytes[(end + 1)...], as: UTF8.self).split(separator: " ")
  }

  /// As it was first reckoned: the wall clock may be set later, and Prometheus takes a change for a restart.
  private static let firstStartTime = Mutex<Double?>(nil)

  /// The kernel counts from its own start, in ticks.
  private static func startTime(ticks: Double) -> Double {
    var (wall, sinceBoot) = (timespec(), timespec())
    clock_gettime(CLOCK_REALTIME, &wall)
    clock_gettime(CLOCK_BOOTTIME, &sinceBoot)
    let boot = Double(wall.tv_sec - sinceBoot.tv_sec) + Double(wall.tv_nsec - sinceBoot.tv_nsec) / 1e9
    return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  private static func openDescriptors() -> Int? {
    guard let directory = opendir("/proc/self/fd") else { return nil }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    // Two for the directory itself and its parent, one for the descriptor that reads it.
    return max(0, count - 3)
  }
}
