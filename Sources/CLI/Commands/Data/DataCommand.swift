// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct DataCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Prepare data to train and evaluate on, and look at it.",
    subcommands: [DataPrepareCommand.self, DataStatsCommand.self])
}
