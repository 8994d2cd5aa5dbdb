// SPDX-License-Identifier: Apache-2.0

/// The setting `max-queue-seconds`, which is the same in every service.
package enum QueueTime {
  package static let help =
    "Longest that a request may wait for its turn, by the pace of the last batches; what would wait longer, or longer than "
    + "four times what it or a batch takes and a second, is refused with RESOURCE_EXHAUSTED"
  /// A batch of a model of 2.7 billion parameters takes 17 seconds on two processors.
  package static let defaultSeconds = 30
}
