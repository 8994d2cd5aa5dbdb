// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport

@testable import LLMService

/// Callers who do not wait for each other: so many come for each batch that a scripted model begins, whatever the machine's speed.
struct Overload: Sendable {
  /// How one call ended, and how many batches were begun meanwhile.
  enum Ending: Sendable, Equatable {
    case answered(batches: Int)
    /// With RESOURCE_EXHAUSTED and a delay.
    case refused(batches: Int)
    case expired
    case failed(String)
  }

  typealias NetworkClient = LLM_LLMService.Client<CGrpcClientTransport>

  let client: NetworkClient
  /// Batches that the model has begun.
  let begun: Counter
  /// Of each call.
  let timeout: Duration

  /// Sends calls of one user while `batches` batches are begun, and returns how they ended.
  func run(batches: Int, callsPerBatch: Int) async -> [Ending] {
    await withTaskGroup(of: Ending.self) { group in
      for batch in 0..<batches {
        try? await waitUntil { begun.value >= batch }
        for _ in 0..<callsPerBatch { group.addTask { await call() } }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
  }

  private func call() async -> Ending {
    var options = CallOptions.defaults
    options.timeout = timeout
    let before = begun.value
    do {
      let response = try await client.encodeUsers(
        .with { $0.users = [user("0", ("a", [1, 1, 1, 1]))] }, options: options)
      guard response.results[0].vector == [1, 1] else { return .failed("\(response.results[0])") }
      return .answered(batches: begun.value - before)
    } catch let error as RPCError where error.code == .resourceExhausted && error.retryDelay != nil {
      return .refused(batches: begun.value - before)
    } catch let error as RPCError where error.code == .deadlineExceeded {
      return .expired
    } catch {
      return .failed("\(error)")
    }
  }
}

extension [Overload.Ending] {
  /// Of each call that was answered, fewest first.
  var batchesUntilAnswered: [Int] {
    compactMap { if case .answered(let batches) = $0 { batches } else { nil } }.sorted()
  }

  /// Of each call that was refused, fewest first.
  var batchesUntilRefused: [Int] {
    compactMap { if case .refused(let batches) = $0 { batches } else { nil } }.sorted()
  }
}

/// How many health checks and questions for the server's facts are answered, one after the other, until `isDone`.
func answeredChecks(
  _ client: GRPCClient<CGrpcClientTransport>, until isDone: @Sendable () -> Bool
) async throws -> Int {
  let health = Grpc_Health_V1_Health.Client(wrapping: client)
  let llm = LLM_LLMService.Client(wrapping: client)
  var answered = 0
  while !isDone() {
    _ = try await health.check(.init())
    _ = try await llm.getServerInfo(.init())
    answered += 1
  }
  return answered
}
