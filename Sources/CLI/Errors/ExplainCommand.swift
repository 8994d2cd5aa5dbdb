// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ServiceSupport

struct ExplainCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Explain the reason of an error, or list all reasons.",
    discussion: """
      A refused request, and a failed element of a batch, carries a stable reason such as QUEUE_FULL.

      Examples:
        illmrec explain QUEUE_FULL
        illmrec explain --json | jq -r '.[] | select(.code == "UNAVAILABLE").reason'
      """)

  @Argument(
    help: ArgumentHelp("Reasons to explain; without one, all are listed.", valueName: "reason"),
    transform: NonEmpty.text)
  var reasons: [String] = []
  @Flag(help: "Print JSON instead of text.")
  var json = false
  @Flag(help: ArgumentHelp("Print the page docs/errors.md.", visibility: .hidden))
  var markdown = false

  func perform() async throws {
    if markdown { return Terminal.standardOutput.write(ErrorPage.markdown) }
    let entries = try chosen()
    if json { return Terminal.standardOutput.writeLine(try JSONOutput.text(entries.map(Document.init))) }
    if reasons.isEmpty { return Self.table(entries).write(to: .standardOutput) }
    for (place, entry) in entries.enumerated() {
      if place > 0 { Terminal.standardOutput.writeLine() }
      Self.write(entry, to: .standardOutput)
    }
  }

  private func chosen() throws(CLIError) -> [FailureCatalog.Entry] {
    guard !reasons.isEmpty else { return FailureCatalog.areas.flatMap(\.entries) }
    var entries: [FailureCatalog.Entry] = []
    for name in reasons {
      guard let reason = FailureReason(rawValue: name.uppercased()) else {
        throw CLIError(.usage, "\"\(name)\" is no reason of this release; illmrec explain lists them")
      }
      entries.append(reason.entry)
    }
    return entries
  }

  private static func table(_ entries: [FailureCatalog.Entry]) -> TextTable {
    var table = TextTable([.init("REASON"), .init("CODE"), .init("AGAIN?"), .init("MEANING", isFlexible: true)])
    for entry in entries { table.add([entry.reason.rawValue, entry.code.name, entry.retry.text, entry.meaning]) }
    return table
  }

  private static func write(_ entry: FailureCatalog.Entry, to terminal: Terminal) {
    terminal.writeLine(terminal.styled(entry.reason.rawValue, .bold) + " (\(entry.code.name))")
    terminal.writeLine("  " + entry.meaning)
    terminal.writeLine("  Remedy: " + entry.remedy)
    terminal.writeLine("  Again?  " + entry.retry.text)
    if !entry.fields.isEmpty { terminal.writeLine("  Fields: " + entry.fields.joined(separator: ", ")) }
  }

  struct Document: Encodable {
    let reason: String
    let code: String
    let fields: [String]
    let meaning: String
    let remedy: String
    let retry: String
    let retryAfterSeconds: Double?

    init(_ entry: FailureCatalog.Entry) {
      reason = entry.reason.rawValue
      code = entry.code.name
      fields = entry.fields
      meaning = entry.meaning
      remedy = entry.remedy
      retry = entry.retry.word
      retryAfterSeconds = entry.retry.delay?.seconds
    }
  }
}
