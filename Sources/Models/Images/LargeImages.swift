// SPDX-License-Identifier: Apache-2.0

import Basics

/// Lets one image at a time, of all threads, take much memory: as many as there are decoding threads, each of them of the
/// largest size, would take the machine's.
enum LargeImages {
  /// What any thread may take, in bytes.
  static let threshold = 64 << 20

  private static let place = Semaphore(count: 1)

  /// Blocks the calling thread until it may take `bytes`. Whoever enters leaves with the same number.
  static func enter(_ bytes: Int) {
    if bytes > threshold { place.wait() }
  }

  static func leave(_ bytes: Int) {
    if bytes > threshold { place.post() }
  }
}
