// SPDX-License-Identifier: Apache-2.0

import Basics
import Logging
import ModelServing
import Models
import ServiceSupport

extension UserModel: LLMModel {}

extension LLMServer {
  /// Reads the checkpoints on a thread of its own and starts the compute thread.
  static func load(_ configuration: LLMConfiguration, logger: Logger) async throws -> ServiceParts {
    let (frozen, trainings) = try await DedicatedThread.run(name: "llm-load") {
      try loadCheckpoints(configuration, logger: logger)
    }
    let server = try LLMServer(trainings: trainings, limits: configuration.limits, logger: logger)
    let admin = try TrainingAdminServer(
      trainings, configuration.served.trainings, frozenFingerprint: frozen.fingerprint, logger: logger
    ) { try loadTraining($0, over: frozen, $1) }
    await admin.restore()
    await server.warmUp(logger: logger)
    return ServiceParts(
      services: [server], administration: [admin], metrics: [trainings.samples],
      onShutdown: {
        await admin.shutdown()
        await server.shutdown()
      })
  }

  private static func loadCheckpoints(
    _ configuration: LLMConfiguration, logger: Logger
  ) throws -> (FrozenLLM, LLMTrainings) {
    let first = configuration.location(of: configuration.served.first)
    logger.notice("loading the checkpoint", metadata: ["checkpoint": "\(first.directory)"])
    let start = ContinuousClock.now
    var model = configuration.model
    model.loading = model.loading.reporting(to: logger)
    try checkPromptStyle(of: first)
    let frozen = try FrozenLLM(checkpoint: first, configuration: model)
    let trainings = try LLMTrainings(configuration.served.checkpoints) { checkpoint in
      let loaded = try loadTraining(configuration.location(of: checkpoint), over: frozen, .all)
      log(loaded.model, of: checkpoint, seconds: start.duration(to: .now) / .seconds(1), logger)
      return loaded
    }
    return (frozen, trainings)
  }

  private static func loadTraining(
    _ location: CheckpointLocation, over frozen: FrozenLLM, _ readable: ReadableFiles
  ) throws(ModelError) -> LoadedModel<any LLMModel> {
    try checkPromptStyle(of: location)
    let model = try UserModel(checkpoint: location, over: frozen, readable: readable)
    return LoadedModel(model, model.fingerprints, bytes: model.ownBytes)
  }

  private static func log(
    _ model: any LLMModel, of checkpoint: ModelConfiguration.Checkpoint, seconds: Double, _ logger: Logger
  ) {
    logger.notice(
      "checkpoint loaded",
      metadata: [
        "checkpoint": "\(checkpoint.directory)", "model": "\(checkpoint.name) \(checkpoint.version)",
        "fingerprint": "\(model.fingerprints.model.prefix(12))", "space": "\(model.fingerprints.space.prefix(12))",
        "spaces": "\(model.spaces.map { "\($0)" }.joined(separator: ","))", "llm_dim": "\(model.llmDim)",
        "user_vector_dim": "\(model.userVectorDim)", "precision": "\(model.arithmetic.precisionName)",
        "compute_path": "\(model.arithmetic.path)", "seconds": "\(seconds)",
      ])
  }

  /// A history item of a request brings its title and its image, no other words.
  static func checkPromptStyle(of checkpoint: CheckpointLocation) throws(ModelError) {
    let style = try checkpoint.promptStyle()
    guard !style.readsTitlesAlone else { return }
    throw ModelError(
      .unsupported,
      "\(checkpoint.directory) was trained with --prompts \(style.rawValue), and requests bring items' titles and images, not "
        + "the other words that it reads; rank by it with illmrec evaluate, or serve one trained with --prompts image or "
        + "compact")
  }
}
