// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

struct ReportCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Puts results of evaluations, studies and training runs on one HTML page.",
    discussion: """
      A result is a file that evaluate --json or study --json wrote, or the directory of a training run. The page needs \
      nothing beside itself.

      Try it:
        illmrec evaluate data/ --json > table.json
        illmrec study history-length data/ --json length.json
        illmrec report run/ table.json length.json --out report.html
      """)

  @Argument(
    help: ArgumentHelp("Results: JSON files and run directories.", valueName: "result"), transform: NonEmpty.text)
  var results: [String]
  @Option(help: ArgumentHelp("The page to write.", valueName: "file"), transform: NonEmpty.text)
  var out: String

  func perform() async throws {
    try OutputFile.requireWritable([out], reading: results)
    let sources = try results.map { path throws(CLIError) in try ReportSource(path: path) }
    try OutputFile.write(ReportPage(results: sources).data, to: out)
    Terminal.standardOutput.writeLine(out)
  }
}
