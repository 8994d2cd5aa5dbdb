// SPDX-License-Identifier: Apache-2.0

import Basics
import Logging
import ModelServing
import Models
import ServiceSupport

extension UserModel: LLMModel {}

extension LLMServer {
  /// Reads the checkpoint on a thread of its own and starts the compute thread.
  static func load(_ configuration: LLMConfiguration, logger: Logger) async throws -> ServiceParts {
    let start = ContinuousClock.now
    logger.notice("loading the checkpoint", metadata: ["checkpoint": "\(configuration.checkpoint.directory)"])
    var modelConfiguration = configuration.model
    modelConfiguration.loading = modelConfiguration.loading.reporting(to: logger)
    let model = try await DedicatedThread.run(name: "llm-load") { [modelConfiguration] in
      try checkPromptStyle(of: configuration.checkpoint)
      return try UserModel(checkpoint: configuration.checkpoint, configuration: modelConfiguration)
    }
    let server = try LLMServer(
      model: model, name: configuration.served.name, version: configuration.served.version,
      limits: configuration.limits,
      logger: logger)
    logger.notice(
      "checkpoint loaded",
      metadata: [
        "model": "\(configuration.served.name) \(configuration.served.version)",
        "fingerprint": "\(model.fingerprints.model.prefix(12))", "space": "\(model.fingerprints.space.prefix(12))",
        "spaces": "\(model.spaces.map { "\($0)" }.joined(separator: ","))", "llm_dim": "\(model.llmDim)",
        "prompts": "\(model.promptStyle.rawValue)",
        "user_vector_dim": "\(model.userVectorDim)", "precision": "\(model.arithmetic.precisionName)",
        "compute_path": "\(model.arithmetic.path)", "seconds": "\(start.duration(to: .now) / .seconds(1))",
      ])
    return ServiceParts(services: [server], onShutdown: { await server.shutdown() })
  }

  /// A history item of a request brings its title and its image, no other words.
  static func checkPromptStyle(of checkpoint: CheckpointLocation) throws(ModelError) {
    let style = try checkpoint.promptStyle()
    guard !style.showsImages else { return }
    throw ModelError(
      .unsupported,
      "\(checkpoint.directory) was trained with --prompts \(style.rawValue), and requests bring items' titles and images, not "
        + "the other words that it reads; rank by it with illmrec evaluate, or serve one trained with --prompts image or "
        + "compact")
  }
}
