// SPDX-License-Identifier: Apache-2.0

import ServiceAPI
import Synchronization

/// What the services behind the gateway say they take. Asked for when first needed and again once the answer is old, so that
/// a service that was restarted with other limits is noticed.
final class PublishedLimits: Sendable {
  struct Values: Sendable {
    let encoder: Encoder_Limits
    let llm: LLM_Limits
    let retrieval: Retrieval_Limits
  }

  private let services: ServiceClients
  private let lifetime: Duration
  private let known = Mutex<(values: Values, until: ContinuousClock.Instant)?>(nil)

  init(services: ServiceClients, lifetime: Duration) {
    self.services = services
    self.lifetime = lifetime
  }

  /// The limits, at most `lifetime` old.
  func values(_ scope: RequestScope) async throws -> Values {
    if let known = known.withLock(\.self), known.until > .now { return known.values }
    let values = try await ask(scope)
    known.withLock { $0 = (values, .now + lifetime) }
    return values
  }

  private func ask(_ scope: RequestScope) async throws -> Values {
    async let encoder = scope.call(Stage(name: "asking the encoder for its limits", target: services.encoderTarget)) {
      try await services.encoder.getServerInfo(.init(), metadata: $0, options: $1).limits
    }
    async let llm = scope.call(Stage(name: "asking the LLM service for its limits", target: services.llmTarget)) {
      try await services.llm.getServerInfo(.init(), metadata: $0, options: $1).limits
    }
    async let retrieval = scope.call(Stage(name: "asking retrieval for its limits", target: services.retrievalTarget)) {
      try await services.retrieval.getServerInfo(.init(), metadata: $0, options: $1).limits
    }
    return try await Values(encoder: encoder, llm: llm, retrieval: retrieval)
  }
}
