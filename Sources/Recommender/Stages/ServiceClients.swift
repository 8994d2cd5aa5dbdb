// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
import GRPCTransport
package import ServiceAPI

/// The three services behind the gateway.
package struct ServiceClients: Sendable {
  package let encoder: any Encoder_EncoderService.ClientProtocol
  package let llm: any LLM_LLMService.ClientProtocol
  package let retrieval: any Retrieval_RetrievalService.ClientProtocol
  /// As gRPC names them; errors and GetServerInfo say them.
  package let encoderTarget: String
  package let llmTarget: String
  package let retrievalTarget: String
  /// Whether the clients heed the deadline of the task that calls, `CGrpcClientTransport.callDeadline`.
  let heedDeadlines: Bool

  package init<Transport: ClientTransport>(
    encoder: (target: String, client: GRPCClient<Transport>), llm: (target: String, client: GRPCClient<Transport>),
    retrieval: (target: String, client: GRPCClient<Transport>)
  ) {
    self.encoder = Encoder_EncoderService.Client(wrapping: encoder.client)
    self.llm = LLM_LLMService.Client(wrapping: llm.client)
    self.retrieval = Retrieval_RetrievalService.Client(wrapping: retrieval.client)
    encoderTarget = encoder.target
    llmTarget = llm.target
    retrievalTarget = retrieval.target
    heedDeadlines = Transport.self == CGrpcClientTransport.self
  }
}
