// SPDX-License-Identifier: Apache-2.0

/// What happens to those who come to a full queue.
package enum WhenFull: Sendable {
  /// They fail with RESOURCE_EXHAUSTED (QUEUE_FULL) and a delay to try again after: for callers who wait for an answer.
  case refuse
  /// They are suspended until there is room: for bulk streams, whose senders are held up by it.
  case wait
}
