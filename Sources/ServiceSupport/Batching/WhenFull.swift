// SPDX-License-Identifier: Apache-2.0

package import ServiceAPI

/// What happens to those who come to a full queue.
package enum WhenFull: Sendable {
  /// They are refused like callers, when an eighth of the queue is theirs already, and computed one by one while no caller's request is
  /// there. A caller who comes meanwhile does not wait for them: the computation is given up and begun again later.
  case giveWay
  /// They fail with RESOURCE_EXHAUSTED (QUEUE_FULL, or DEADLINE_UNREACHABLE where their time would not do) and a delay to try again
  /// after: for callers who wait for an answer.
  case refuse
  /// They are suspended until there is room: for bulk streams, whose senders are held up by it.
  case wait
}

extension WhenFull {
  /// How a unary request waits, by its `priority`.
  package init(_ priority: Common_Priority) throws(ServiceFailure) {
    switch priority {
    case .unspecified: self = .refuse
    case .background: self = .giveWay
    case .UNRECOGNIZED(let number):
      throw ServiceFailure(
        .priorityUnknown, "priority \(number) is not known; use PRIORITY_BACKGROUND, or leave it out", field: "priority"
      )
    }
  }
}
