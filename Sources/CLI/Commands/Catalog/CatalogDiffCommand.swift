// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCCore
import ServiceAPI
import SwiftProtobuf

struct CatalogDiffCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Show what differs between two snapshots, or a snapshot and the draft.",
    discussion: """
      Example:
        illmrec catalog diff           what the next commit will bring
        illmrec catalog diff 3         what has changed between snapshot 3 and the draft
        illmrec catalog diff 3 5 --limit 0
      """)

  @Argument(help: "Number of the first snapshot; the newest one otherwise.")
  var from: UInt64?
  @Argument(help: "Number of the second snapshot; the draft otherwise.")
  var to: UInt64?
  @Option(help: ArgumentHelp("Items to show; 0 for all.", valueName: "count"))
  var limit = 50
  @OptionGroup var options: CatalogOptions

  func validate() throws {
    if limit < 0 { throw ValidationError("--limit is \(limit); it may be 0 or more") }
    if from == 0 || to == 0 { throw ValidationError("there is no snapshot 0; the first one is 1") }
  }

  func perform() async throws {
    let request = Encoder_DiffSnapshotsRequest.with {
      $0.fromSnapshot = from ?? 0
      $0.toSnapshot = to ?? 0
    }
    let most = limit == 0 ? Int.max : limit
    let difference = try await options.withEncoder { encoder in
      try await encoder.diffSnapshots(request) { try await Difference($0.messages, limit: most) }
    }
    if options.json {
      return try JSONOutput.write([difference.header, .with { $0.chunk.changes = difference.changes }])
    }
    difference.write(to: .standardOutput)
  }

  /// What was answered, as far as it is shown.
  private struct Difference: Sendable {
    var header = Encoder_DiffSnapshotsResponse()
    var changes: [Encoder_ItemChange] = []

    init(_ messages: RPCAsyncSequence<Encoder_DiffSnapshotsResponse, any Error>, limit: Int) async throws {
      for try await message in messages {
        switch message.message {
        case .header: header = message
        case .chunk(let chunk): changes += chunk.changes.prefix(limit - changes.count)
        case nil: break
        }
        if changes.count >= limit { return }
      }
    }

    func write(to terminal: Terminal) {
      let (from, to, counts) = (header.header.from, header.header.to, header.header.counts)
      let between = "\(Self.name(from)) and \(Self.name(to))"
      guard !counts.isEmpty else { return terminal.writeLine("Nothing differs between \(between).") }
      terminal.writeLine("Between \(between): \(counts.summary).")
      var table = TextTable([.init("ITEM"), .init("WHAT"), .init("TITLE", isFlexible: true)])
      for change in changes { table.add([change.itemID, Self.what(change), Self.title(change)]) }
      table.write(to: terminal)
      let rest = Int(counts.added + counts.changed + counts.removed) - changes.count
      if rest > 0 { terminal.writeLine("… and \(rest.grouped) more; --limit 0 shows all") }
    }

    private static func name(_ state: Common_CatalogRef) -> String {
      state.snapshot == 0 ? "the draft" : "snapshot \(state.snapshot)"
    }

    private static func what(_ change: Encoder_ItemChange) -> String {
      switch change.kind {
      case .added: "added"
      case .removed: "removed"
      case .changed: "changed: " + change.fields.joined(separator: ", ")
      case .unspecified, .UNRECOGNIZED: "-"
      }
    }

    private static func title(_ change: Encoder_ItemChange) -> String {
      guard change.fields.contains("title") else { return (change.hasAfter ? change.after : change.before).title }
      return "\(change.before.title) → \(change.after.title)"
    }
  }
}
