import Logging
import Models
import ServiceSupport

extension UserModel: UserEncoder {}

extension LLMServer {
  /// Reads the checkpoint on a thread of its own and starts the compute thread.
  static func load(_ configuration: LLMConfiguration, logger: Logger) async throws -> ServiceParts {
    let start = ContinuousClock.now
    logger.notice("loading the checkpoint", metadata: ["checkpoint": "\(configuration.checkpoint.bundle)"])
    let progress = Task {
      // A large checkpoint takes minutes from a cold disk; silence would look like a hang.
      while true {
        try await Task.sleep(for: .seconds(5))
        logger.notice("still loading", metadata: ["seconds": "\(start.duration(to: .now).components.seconds)"])
      }
    }
    defer { progress.cancel() }
    let model = try await DedicatedThread.run(name: "llm-load") {
      try UserModel(checkpoint: configuration.checkpoint, configuration: configuration.model)
    }
    let server = try LLMServer(
      model: model, name: configuration.modelName, version: configuration.modelVersion, limits: configuration.limits,
      logger: logger)
    logger.notice(
      "checkpoint loaded",
      metadata: [
        "model": "\(configuration.modelName) \(configuration.modelVersion)",
        "fingerprint": "\(model.fingerprints.model.prefix(12))", "space": "\(model.fingerprints.space.prefix(12))",
        "spaces": "\(model.spaces.map { "\($0)" }.joined(separator: ","))", "llm_dim": "\(model.llmDim)",
        "user_vector_dim": "\(model.userVectorDim)", "seconds": "\(start.duration(to: .now) / .seconds(1))",
      ])
    return ServiceParts(services: [server], onShutdown: { await server.shutdown() })
  }
}
