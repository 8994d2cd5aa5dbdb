// SPDX-License-Identifier: Apache-2.0

extension Duration {
  /// Whole microseconds, 0 for negative durations.
  package var microseconds: UInt64 {
    UInt64(max(0, components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000))
  }
}
