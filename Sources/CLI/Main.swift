// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ServiceSupport

@main
struct IllmrecCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: Product.name,
    abstract: "Recommends items from their images with a large language model.",
    discussion: """
      Try it:
        illmrec demo                        the whole way, on a drawn catalog
        illmrec model inspect CHECKPOINT    what a checkpoint is, what is wrong in it
        illmrec up --checkpoint CHECKPOINT  the three services and the gateway
        illmrec verify GOLDEN               compares with the reference framework
        illmrec data prepare SOURCE --out D data to train and evaluate on
        illmrec backup --data D --out F     the index, and the item store, copied while they serve
        illmrec explain REASON              what an error means and what to do about it
        illmrec help COMMAND                more about a command
        illmrec --tls-ca CA COMMAND         a command that calls services by TLS
      """,
    version: Product.version,
    subcommands: [
      DemoCommand.self, UpCommand.self, GatewayCommand.self, CatalogCommand.self, IndexCommand.self,
      RecommendCommand.self, ModelCommand.self, TrainingCommand.self, VerifyCommand.self, DataCommand.self,
      FeaturesCommand.self, TrainCommand.self, EvaluateCommand.self, StudyCommand.self, ReportCommand.self,
      BackupCommand.self, RestoreCommand.self, TokenCommand.self, ExplainCommand.self,
    ])

  @OptionGroup(title: "Calling services") var outgoing: SettingFlags<ClientTLSSettings>

  /// ArgumentParser's one call of this command when a subcommand runs.
  func validate() throws { try ServiceConnections.use(outgoing) }
}
