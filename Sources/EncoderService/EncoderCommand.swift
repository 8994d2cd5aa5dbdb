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
      ExportItems, GetServerInfo; CommitCatalog, ListSnapshots, DiffSnapshots, DiscardDraft, DropSnapshot, DeleteItems), \
      illmrec.training.v1.TrainingAdminService (LoadTraining, UnloadTraining, ListTrainings) and grpc.health.v1.Health.

      What is stored goes to the catalog's draft, which serves nobody; a commit freezes it as a numbered snapshot. Who names no \
      snapshot gets the one that the stable version of --index at --retrieval was built from, as it was last heard of; without \
      --retrieval the newest one. Snapshots that no index version names any more are dropped after --keep-snapshots hours. A \
      store of a release before snapshots is taken over at the first start, and a copy of it stays beside it.

      The store keeps, for every image, what the vision tower made of it, under the SHA-256 of its bytes: the same image never \
      runs twice, and a checkpoint with a new adaptor but the same tower needs no second look. Soft tokens and item vectors \
      follow from it on every read. What was acknowledged is on the disk: an upload that was cut off is simply sent again. \
      For a backup while it runs: illmrec backup --store FILE --out FOLDER.

      Several trainings may be held over one tower, which is in memory once: give --checkpoint for each, or load them while it \
      serves from the directory --trainings. Requests name one by its space fingerprint.

      Without rec_module/ in the checkpoint, or with a vision model's own directory as Hugging Face has it, the service embeds \
      images: EMBEDDING is answered and stored, and what a training computes is refused with TRAINING_MISSING until one is loaded.

      Try it:
        illmrec-encoder --checkpoint CHECKPOINT --store items.sqlite --retrieval 127.0.0.1:50053
                                                                        listens on 127.0.0.1:50051
        illmrec catalog encode --help                                   uploads a folder of images
        grpc_health_probe -addr 127.0.0.1:50051                         says SERVING once the model is loaded
        illmrec verify GOLDEN                                           compares it with the framework that trained it
      """,
    version: Product.version)

  @OptionGroup var service: ServiceOptions
  @OptionGroup var model: SettingFlags<ModelSettings>
  @OptionGroup var settings: SettingFlags<EncoderSettings>
  @OptionGroup var limits: SettingFlags<EncoderLimits>
  @OptionGroup var outgoing: SettingFlags<ClientTLSSettings>

  func run() async throws {
    let (settings, configuration) = try configuration()
    try await ServiceRunner.run(name: "encoder", settings: settings) { logger in
      try await EncoderServer.load(configuration, logger: logger)
    }
  }

  /// Resolves and checks everything, before anything is started.
  func configuration() throws -> (ServiceSettings, EncoderConfiguration) {
    try service.resolve([model, settings, limits, outgoing], defaultPort: 50051, EncoderConfiguration.init)
  }
}
