// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ModelServing
import ServiceSupport

@main
struct EncoderCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "illmrec-encoder",
    abstract: "Encodes item images into embeddings, soft tokens and item vectors, and keeps the catalog.",
    discussion: """
      Serves illmrec.encoder.v1.EncoderService (EncodeImages, StreamEncodeImages, ProjectEmbeddings, LookupItems, \
      ExportItems, GetServerInfo) and grpc.health.v1.Health.

      The store keeps, for every image, what the vision tower made of it, under the SHA-256 of its bytes: the same image never \
      runs twice, and a checkpoint with a new adaptor but the same tower needs no second look. Soft tokens and item vectors \
      follow from it on every read. What was acknowledged is on the disk: an upload that was cut off is simply sent again. \
      For a backup while it runs: sqlite3 FILE ".backup COPY".

      Try it:
        illmrec-encoder --checkpoint CHECKPOINT --store items.sqlite    listens on 127.0.0.1:50051
        illmrec catalog encode --help                                   uploads a folder of images
        grpc_health_probe -addr 127.0.0.1:50051                         says SERVING once the model is loaded
        illmrec verify GOLDEN                                           compares it with the framework that trained it
      """,
    version: Product.version)

  @OptionGroup var service: ServiceOptions
  @OptionGroup var model: SettingFlags<ModelSettings>
  @OptionGroup var settings: SettingFlags<EncoderSettings>
  @OptionGroup var limits: SettingFlags<EncoderLimits>

  func run() async throws {
    let (settings, configuration) = try configuration()
    try await ServiceRunner.run(name: "encoder", settings: settings) { logger in
      try await EncoderServer.load(configuration, logger: logger)
    }
  }

  /// Resolves and checks everything, before anything is started.
  func configuration() throws -> (ServiceSettings, EncoderConfiguration) {
    try service.resolve([model, settings, limits], defaultPort: 50051, EncoderConfiguration.init)
  }
}
