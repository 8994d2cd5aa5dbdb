// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ModelServing
import ServiceSupport

@main
struct LLMCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "illmrec-llm",
    abstract: "Encodes interaction histories into user vectors with a frozen LLM.",
    discussion: """
      Serves illmrec.llm.v1.LLMService (EncodeUsers, StreamEncodeUsers, CountTokens, GetServerInfo), \
      illmrec.training.v1.TrainingAdminService (LoadTraining, UnloadTraining, ListTrainings) and grpc.health.v1.Health.

      A history is put into the prompt that the checkpoint was trained with: the published one of each item's title and, for \
      its image, the soft token that EncoderService made of it, or the compact one of soft tokens alone. The LLM's hidden state at [REC], projected, is the vector that RetrievalService searches with. Users of \
      different requests are computed together, and what prompts of one cache_scope have in common at their beginning is \
      computed once. GetServerInfo names the model, its dimensions and every limit.

      Several trainings may be held over one frozen LLM, whose weights are in memory once: give --checkpoint for each, or load \
      them while it serves from the directory --trainings. Requests name one by its space fingerprint.

      Try it:
        illmrec-llm --checkpoint CHECKPOINT                          listens on 127.0.0.1:50052
        illmrec-llm --checkpoint REC --llm-weights Sheared-LLaMA-2.7B  with the LLM in a directory of its own
        illmrec-llm --checkpoint CHECKPOINT --precision int8         a quarter of the memory of f32
        illmrec-llm --checkpoint OLD --checkpoint NEW --trainings RUNS  two trainings, and more on request
        grpc_health_probe -addr 127.0.0.1:50052                      says SERVING once the model is loaded
        illmrec verify GOLDEN                                        compares it with the framework that trained it
      """,
    version: Product.version)

  @OptionGroup var service: ServiceOptions
  @OptionGroup var model: SettingFlags<ModelSettings>
  @OptionGroup var settings: SettingFlags<LLMSettings>
  @OptionGroup var limits: SettingFlags<LLMLimits>
  @OptionGroup var outgoing: SettingFlags<ClientTLSSettings>

  func run() async throws {
    let (settings, configuration) = try configuration()
    try await ServiceRunner.run(name: "llm", settings: settings) { logger in
      try await LLMServer.load(configuration, logger: logger)
    }
  }

  /// Resolves and checks everything, before anything is started.
  func configuration() throws -> (ServiceSettings, LLMConfiguration) {
    try service.resolve([model, settings, limits, outgoing], defaultPort: 50052, LLMConfiguration.init)
  }
}
