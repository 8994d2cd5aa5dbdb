import ArgumentParser
import GRPCCore
import GRPCTransport
import Recommender
import ServiceSupport

/// Serves RecommenderService.
struct GatewayCommand: ReportingCommand {
  enum Keys {
    static let encoder = target("encoder", "EncoderService", port: 50051)
    static let llm = target("llm", "LLMService", port: 50052)
    static let retrieval = target("retrieval", "RetrievalService", port: 50053)
    static let maxUsers = SettingKey<Int>(
      "max-users-per-request", "Most users of a request", unit: "users", default: 64, allowed: .range(1...4096))
    static let maxInteractions = SettingKey<Int>(
      "max-interactions-per-user",
      "Most interactions of a user; the LLM reads the newest of them and none is recommended again", unit: "items",
      default: 1000, allowed: .range(1...100_000))
    static let maxK = SettingKey<Int>(
      "max-k", "Most items a user may be recommended", unit: "items", default: 1000, allowed: .range(1...100_000))

    static let all: [any AnySettingKey] = [encoder, llm, retrieval, maxUsers, maxInteractions, maxK]

    private static func target(_ name: String, _ service: String, port: Int) -> SettingKey<String> {
      SettingKey<String>(
        name, "\(service) as gRPC names it: host:port, dns:///host:port, ipv4:a:port,b:port, unix:/path",
        placeholder: "target", default: "127.0.0.1:\(port)")
    }
  }

  static let configuration = CommandConfiguration(
    commandName: "gateway",
    abstract: "Serves the three services as one: histories in, recommended items out.",
    discussion: """
      Serves illmrec.recommender.v1.RecommenderService and grpc.health.v1.Health. It computes nothing itself: it looks the \
      history's items up in EncoderService, has LLMService encode the users and RetrievalService search.

      Try it:
        illmrec gateway                                              services on this machine, listens on 127.0.0.1:50050
        illmrec gateway --llm ipv4:10.0.0.1:50052,10.0.0.2:50052     two replicas of LLMService, used in turn
      """)

  @OptionGroup var service: ServiceOptions
  @Option(name: Keys.encoder.flagName, help: Keys.encoder.help) var encoder: String?
  @Option(name: Keys.llm.flagName, help: Keys.llm.help) var llm: String?
  @Option(name: Keys.retrieval.flagName, help: Keys.retrieval.help) var retrieval: String?
  @Option(name: Keys.maxUsers.flagName, help: Keys.maxUsers.help) var maxUsers: Int?
  @Option(name: Keys.maxInteractions.flagName, help: Keys.maxInteractions.help) var maxInteractions: Int?
  @Option(name: Keys.maxK.flagName, help: Keys.maxK.help) var maxK: Int?

  func perform() async throws {
    let settings = try service.resolve(
      keys: Keys.all,
      flags: [
        Keys.encoder.flag(encoder), Keys.llm.flag(llm), Keys.retrieval.flag(retrieval), Keys.maxUsers.flag(maxUsers),
        Keys.maxInteractions.flag(maxInteractions), Keys.maxK.flag(maxK),
      ],
      defaultPort: StackMember.gateway.defaultPort)
    try await ServiceRunner.run(name: "gateway", settings: settings) { _ in try Self.parts(settings) }
  }

  private static func parts(_ settings: ServiceSettings) throws -> ServiceParts {
    let options = ClientOptions(maxMessageBytes: settings.maxMessageBytes)
    func client(_ key: SettingKey<String>) throws -> (target: String, client: GRPCClient<CGrpcClientTransport>) {
      let target = try settings.all.value(key)
      do {
        return (target, try makeClient(target: target, options: options))
      } catch let error as TransportError {
        throw CLIError(.invalidInput, "--\(key.name): \(error.message)", cause: error)
      }
    }
    let (encoder, llm, retrieval) = try (client(Keys.encoder), client(Keys.llm), client(Keys.retrieval))
    var limits = RecommenderLimits()
    limits.maxUsers = try settings.all.value(Keys.maxUsers)
    limits.maxInteractions = try settings.all.value(Keys.maxInteractions)
    limits.maxK = try settings.all.value(Keys.maxK)
    limits.maxMessageBytes = settings.maxMessageBytes
    let services = ServiceTargets(encoder: encoder, llm: llm, retrieval: retrieval)
    return ServiceParts(
      services: [RecommenderServer(services: services, limits: limits)],
      background: [encoder, llm, retrieval].map { ClientService($0.client) })
  }
}
