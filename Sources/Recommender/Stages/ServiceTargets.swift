package import GRPCCore
package import ServiceAPI

/// The three services behind the gateway.
package struct ServiceTargets: Sendable {
  package let encoder: any Illmrec_Encoder_V1_EncoderService.ClientProtocol
  package let llm: any Illmrec_Llm_V1_LLMService.ClientProtocol
  package let retrieval: any Illmrec_Retrieval_V1_RetrievalService.ClientProtocol
  /// As gRPC names them; errors and GetServerInfo say them.
  package let encoderTarget: String
  package let llmTarget: String
  package let retrievalTarget: String

  package init<Transport: ClientTransport>(
    encoder: (target: String, client: GRPCClient<Transport>), llm: (target: String, client: GRPCClient<Transport>),
    retrieval: (target: String, client: GRPCClient<Transport>)
  ) {
    self.encoder = Illmrec_Encoder_V1_EncoderService.Client(wrapping: encoder.client)
    self.llm = Illmrec_Llm_V1_LLMService.Client(wrapping: llm.client)
    self.retrieval = Illmrec_Retrieval_V1_RetrievalService.Client(wrapping: retrieval.client)
    encoderTarget = encoder.target
    llmTarget = llm.target
    retrievalTarget = retrieval.target
  }
}
