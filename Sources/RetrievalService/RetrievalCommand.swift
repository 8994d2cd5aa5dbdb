// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ServiceSupport

@main
struct RetrievalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "illmrec-retrieval",
    abstract: "Finds the items whose vectors have the largest inner product with a user's.",
    discussion: """
      Serves illmrec.retrieval.v1.RetrievalService (Search, StreamSearch, GetItems), IndexAdminService (CreateVersion, \
      PromoteVersion, RollbackVersion, …) and grpc.health.v1.Health.

      A version is an immutable set of item vectors. It is uploaded in whole, checked, and serves once it is promoted; the \
      first one of an index serves at once. A restart serves what served before; what is broken on disk is moved to \
      DIR/quarantine and named in the log.

      With --milvus-address, vectors lie in a Milvus cluster and everything else stays under --data: docs/milvus.md.

      Try it: illmrec-retrieval --data ./index, then illmrec index publish --help; or see all services at work with \
      illmrec demo.
      """,
    version: Product.version)

  @OptionGroup var service: ServiceOptions
  @OptionGroup(title: "Approximate search") var graphs: SettingFlags<GraphOptions>
  @OptionGroup(title: "Milvus") var milvus: SettingFlags<MilvusOptions>
  @OptionGroup var settings: SettingFlags<RetrievalSettings>
  @OptionGroup var limits: SettingFlags<RetrievalLimits>
  @OptionGroup var rollouts: SettingFlags<RolloutSettings>
  @OptionGroup var outgoing: SettingFlags<ClientTLSSettings>

  func run() async throws {
    let (settings, configuration) = try configuration()
    try await ServiceRunner.run(name: "retrieval", settings: settings) { logger in
      try await RetrievalServer.load(configuration, logger: logger)
    }
  }

  /// Resolves and checks everything, before anything is started.
  func configuration() throws -> (ServiceSettings, RetrievalConfiguration) {
    try service.resolve(
      [graphs, milvus, settings, limits, rollouts, outgoing], defaultPort: 50053, RetrievalConfiguration.init)
  }
}
