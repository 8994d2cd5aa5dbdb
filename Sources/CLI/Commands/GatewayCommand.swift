// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCCore
import GRPCTransport
import Recommender
import ServiceSupport

/// Serves RecommenderService.
struct GatewayCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "gateway",
    abstract: "Serves the three services as one: histories in, recommended items out.",
    discussion: """
      Serves illmrec.recommender.v1.RecommenderService and grpc.health.v1.Health. It computes nothing itself: it looks the \
      history's items up in EncoderService, has LLMService encode the users and RetrievalService search. Its health says \
      NOT_SERVING while one of the three does not serve; by the names encoder, llm and retrieval it tells of each.

      Try it:
        illmrec gateway                                              services on this machine, listens on 127.0.0.1:50050
        illmrec gateway --llm ipv4:10.0.0.1:50052,10.0.0.2:50052     two replicas of LLMService, used in turn
      """)

  @OptionGroup var service: ServiceOptions
  @OptionGroup var targets: SettingFlags<RecommenderSettings>
  @OptionGroup var limits: SettingFlags<RecommenderLimits>
  @OptionGroup var outgoing: SettingFlags<ClientTLSSettings>

  func perform() async throws {
    let (settings, configuration) = try service.resolve(
      [targets, limits, outgoing], defaultPort: StackMember.gateway.defaultPort, RecommenderConfiguration.init)
    try await ServiceRunner.run(name: "gateway", settings: settings) { _ in try Self.parts(configuration) }
  }

  private static func parts(_ configuration: RecommenderConfiguration) throws -> ServiceParts {
    func client(
      _ key: any AnySettingKey, _ target: String
    ) throws -> (target: String, client: GRPCClient<CGrpcClientTransport>) {
      do {
        return (target, try makeClient(target: target, options: configuration.outgoing))
      } catch let error as TransportError {
        throw CLIError(.usage, "--\(key.name): \(error.message)", cause: error)
      }
    }
    let targets = configuration.targets
    let (encoder, llm, retrieval) = try (
      client(targets.$encoder, targets.encoder), client(targets.$llm, targets.llm),
      client(targets.$retrieval, targets.retrieval)
    )
    let services = ServiceClients(encoder: encoder, llm: llm, retrieval: retrieval)
    let probes = [("encoder", encoder.client), ("llm", llm.client), ("retrieval", retrieval.client)]
    return ServiceParts(
      services: [RecommenderServer(services: services, limits: configuration.limits)],
      dependencies: Dictionary(uniqueKeysWithValues: probes.map { ($0, HealthService.probe(of: $1)) }),
      requirements: Set(probes.map(\.0)), background: [encoder, llm, retrieval].map { ClientService($0.client) })
  }
}
