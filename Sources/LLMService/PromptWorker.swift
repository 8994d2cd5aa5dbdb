// SPDX-License-Identifier: Apache-2.0

import Basics
import ServiceAPI
import ServiceSupport

/// The one thread that checks and tokenises users, so that no text, however long, holds a thread of Swift's pool, on which health
/// checks are answered. Its queue is bounded in bytes of text, and in time.
final class PromptWorker: Sendable {
  /// A user whose prompt is to be made.
  struct Work: Sendable {
    let reader: LLMReader
    let user: LLM_UserPrompt
    /// Of the user in the request.
    let path: String
    /// Nil to have the prompt's tokens counted only.
    var settings: EncodingJob.Settings?
  }

  /// What is tokenised before the first of it is answered: little, since each waits for all.
  private static let maxBatchBytes = 1 << 14

  private let batcher: Batcher<Work, EncodingJob>

  /// - Throws: when the thread cannot be started.
  init(limits: LLMLimits) throws(ThreadError) {
    batcher = try Batcher(
      name: "llm-tokenise", maxQueueCost: limits.maxQueueTextBytes, maxBatchCost: Self.maxBatchBytes,
      maxQueueTime: limits.maxQueueTime
    ) { users, context in
      users.indices.map { index in
        Result {
          if context.isCancelled(index) { throw CancellationError() }
          return try users[index].job()
        }
      }
    }
  }

  /// The users' jobs, or what is unsound of each.
  ///
  /// - Throws: as ``Batcher/submit(contentsOf:deadline:whenFull:)``.
  func jobs(
    for users: [Work], deadline: ContinuousClock.Instant?, whenFull: WhenFull
  ) async throws -> [Result<EncodingJob, any Error>] {
    let outcomes = try await batcher.submit(
      contentsOf: users.map { ($0, $0.reader.textBytes(of: $0.user)) }, deadline: deadline, whenFull: whenFull)
    return outcomes.map { $0.map(\.value) }
  }

  /// Text waiting to be tokenised.
  var queuedBytes: Int { batcher.queuedCost }

  /// Ends the thread.
  func shutdown() async { await batcher.shutdown() }
}

extension PromptWorker.Work {
  fileprivate func job() throws(ServiceFailure) -> EncodingJob {
    guard let settings else { return try reader.counting(user, path: path) }
    return try reader.job(user, path: path, settings)
  }
}
