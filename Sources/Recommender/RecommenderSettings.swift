// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// Where the services are that the gateway joins.
package struct RecommenderSettings: SettingGroup {
  @Setting("encoder", Self.purpose(of: "EncoderService"), placeholder: "target") package var encoder = "127.0.0.1:50051"
  @Setting("llm", Self.purpose(of: "LLMService"), placeholder: "target") package var llm = "127.0.0.1:50052"
  @Setting("retrieval", Self.purpose(of: "RetrievalService"), placeholder: "target") package var retrieval =
    "127.0.0.1:50053"

  package init() {}

  private static func purpose(of service: String) -> String {
    "\(service) as gRPC names it: host:port, dns:///host:port, ipv4:a:port,b:port, unix:/path"
  }
}
