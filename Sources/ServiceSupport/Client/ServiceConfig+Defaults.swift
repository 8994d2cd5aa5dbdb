// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
import ServiceAPI

extension ServiceConfig {
  /// How clients of these services behave: calls go round all addresses of a target, and unary calls that the server did
  /// not take (UNAVAILABLE) are tried again. Streams are not: what has been sent could not be sent again.
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
    return ServiceConfig(methodConfig: [unary, others], loadBalancingConfig: [.roundRobin])
  }

  private static var unaryMethods: [MethodDescriptor] {
    let methods =
      Encoder_EncoderService.Method.descriptors + LLM_LLMService.Method.descriptors
      + Retrieval_RetrievalService.Method.descriptors
      + Retrieval_IndexAdminService.Method.descriptors
      + Recommender_RecommenderService.Method.descriptors + Grpc_Health_V1_Health.Method.descriptors
    return methods.filter { $0.type == .unary }
  }
}
