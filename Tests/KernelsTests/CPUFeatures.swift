// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the tests need to know of the machine they run on.
enum CPUFeatures {
  static let avx2: Bool = {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return text.split(whereSeparator: \.isWhitespace).contains("avx2")
  }()
}
