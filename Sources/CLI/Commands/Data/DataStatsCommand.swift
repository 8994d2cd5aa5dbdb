// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets
import Foundation

struct DataStatsCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Count prepared data, and plot history lengths and item popularity.",
    discussion: """
      DIRECTORY is in the published layout, from data prepare or from the published code. All of it is read and checked: \
      item numbers, the three files of sequences against each other, negatives against sequences.

      Examples:
        illmrec data stats data/
        illmrec data stats data/ --html data.html
        illmrec data stats data/ --json | jq .density
      """)

  @Argument(help: ArgumentHelp("Directory of the data.", valueName: "directory"), transform: NonEmpty.text)
  var directory: String
  @Option(help: ArgumentHelp("Also write a page of its own.", valueName: "file"), transform: NonEmpty.text)
  var html: String?
  @Flag(help: "Prints JSON instead of tables and plots.")
  var json = false

  func perform() async throws {
    try InputFile.requireDirectory(directory, what: "the data")
    try OutputFile.requireWritable([html].compactMap(\.self), reading: DatasetLayout(directory).files)
    let directory = directory
    let (statistics, record) = try await Interruption.cancellingThread(named: "stats") { _ in
      (DatasetStatistics(try Dataset(reading: directory)), try DatasetRecord(in: DatasetLayout(directory)))
    }
    let report = StatisticsReport(statistics)
    if let html { try OutputFile.write(Data(report.page(of: directory, record: record).utf8), to: html) }
    if json {
      Terminal.standardOutput.writeLine(try JSONOutput.text(report.document))
    } else {
      report.write(to: .standardOutput)
    }
  }
}
