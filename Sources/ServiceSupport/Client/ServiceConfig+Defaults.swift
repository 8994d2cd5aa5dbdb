// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
import ServiceAPI

extension ServiceConfig {
  /// How clients of these services behave: calls go round all addresses of a target, and unary calls that the server did
  /// not take (UNAVAILABLE) are tried again, as long as no more than about one call in ten fails so: when a service is down for
  /// everybody, trying again would only multiply the calls. Streams are not: what has been sent could not be sent again.
  ///
  /// - Parameters:
  ///   - waitForReady: calls wait for a server that is not up yet instead of failing with UNAVAILABLE.
  package static func client(waitForReady: Bool) -> ServiceConfig {
    let retry = RetryPolicy(
      maxAttempts: 4, initialBackoff: .milliseconds(100), maxBackoff: .seconds(2), backoffMultiplier: 2,
      retryableStatusCodes: [.unavailable])
    let unary = MethodConfig(
      names: unaryMethods.map { .init(service: $0.service.fullyQualifiedService, method: $0.method) },
      waitForReady: waitForReady, executionPolicy: .retry(retry))
    let others = MethodConfig(names: [.init(service: "")], waitForReady: waitForReady)
    return ServiceConfig(
      methodConfig: [unary, others], loadBalancingConfig: [.roundRobin], retryThrottling: retryBudget)
  }

  /// Each failed try takes one of the tokens, each success brings a tenth of one; calls are tried again while over half are left. So
  /// the 500 calls that a replica takes with it are all tried again, and a service that is down is not asked four times by each.
  private static var retryBudget: RetryThrottling? { try? RetryThrottling(maxTokens: 1000, tokenRatio: 0.1) }

  private static var unaryMethods: [MethodDescriptor] {
    let methods =
      Encoder_EncoderService.Method.descriptors + LLM_LLMService.Method.descriptors
      + Retrieval_RetrievalService.Method.descriptors
      + Retrieval_IndexAdminService.Method.descriptors
      + Recommender_RecommenderService.Method.descriptors + Grpc_Health_V1_Health.Method.descriptors
    return methods.filter { $0.type == .unary }
  }
}
