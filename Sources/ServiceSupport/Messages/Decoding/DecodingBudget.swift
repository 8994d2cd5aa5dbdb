// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
package import GRPCTransport
import ServiceAPI
import Synchronization

/// Refuses messages before they are decoded: one that would take too much memory by itself, and one for which there is no room
/// beside those in progress.
///
/// A message counts from before it is decoded until its call has ended, or until the next message of the call is read.
package final class DecodingBudget: RequestGuard {
  /// Messages so small are always taken, so that health checks and administration go through whatever else waits.
  private static let alwaysTaken = 16 << 10

  static let shapes = MessageShapes(FileDescriptions.files)

  private let maxMessage: Int
  private let maxInProgress: Int
  private let inProgress = Atomic(0)

  /// - Parameters:
  ///   - maxMessage: bytes that one message may take once decoded.
  ///   - maxInProgress: bytes that all messages in progress may take.
  package init(maxMessage: Int, maxInProgress: Int) {
    self.maxMessage = maxMessage
    self.maxInProgress = maxInProgress
  }

  /// Bytes that the messages in progress take.
  package var bytesInProgress: Int { inProgress.load(ordering: .relaxed) }

  package func admit(_ message: MessageBytes, of method: MethodDescriptor) throws -> Int {
    let size = try size(of: message, method)
    let taken = inProgress.add(size, ordering: .relaxed).newValue
    guard taken <= maxInProgress || size <= Self.alwaysTaken else {
      release(size)
      throw ServiceFailure(
        .messageMemoryFull,
        "the message takes \(size) bytes once decoded, and those in progress take \(taken - size) of \(maxInProgress); "
          + "try again, or send less at a time")
    }
    return size
  }

  package func release(_ granted: Int) { inProgress.subtract(granted, ordering: .relaxed) }

  private func size(of message: MessageBytes, _ method: MethodDescriptor) throws(ServiceFailure) -> Int {
    guard let type = Self.shapes.requests[method.fullyQualifiedMethod] else { return message.count }
    let outcome = message.withUnsafeBytes { DecodedSize.of($0, as: type, Self.shapes, limit: maxMessage) }
    switch outcome {
    case .bytes(let size): return size
    case .overLimit:
      throw ServiceFailure(
        .messageTooComplex,
        "the message of \(message.count) bytes takes more than \(maxMessage) bytes once decoded; send it in several")
    case .tooManyMarks:
      throw ServiceFailure(
        .textNotStreamSafe,
        "a text of the message has more than \(CombiningMarks.maxRun) combining marks in a row; leave some out, or put U+034F "
          + "between them")
    }
  }
}
