// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelServing
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

extension LLMServer {
  private static let warmUpItems = 4

  /// Computes a user before anybody calls, so that the first caller finds the kernels' threads started, the weights' pages in memory,
  /// the tokens that every prompt begins with computed, and the queue knowing its pace. A failure is said, and is no reason not to serve.
  func warmUp(logger: Logger) async {
    let start = ContinuousClock.now
    do {
      let training = try trainings.lease("", field: "expected_space_fingerprint")
      let item = LLM_HistoryItem.with {
        $0.title = "illmrec"
        $0.softToken = Common_Tensor([Float](repeating: 0, count: training.model.llmDim))
      }
      let user = LLM_UserPrompt.with { $0.history.items = Array(repeating: item, count: Self.warmUpItems) }
      let settings = EncodingJob.Settings(outputs: .userVector, cacheScope: try CacheScope("", field: "cache_scope"))
      let work = PromptWorker.Work(
        reader: LLMReader(training: training, limits: limits), user: user, path: "warm-up", settings: settings)
      let job = try await prompts.jobs(for: [work], deadline: nil, whenFull: .wait)[0].get()
      _ = try await batcher.submit(job, cost: job.cost, whenFull: .wait)
      logger.notice("warmed up", metadata: ["seconds": "\(start.duration(to: .now) / .seconds(1))"])
    } catch {
      logger.warning("the first user could not be computed", metadata: ["error": "\(error)"])
    }
  }
}
