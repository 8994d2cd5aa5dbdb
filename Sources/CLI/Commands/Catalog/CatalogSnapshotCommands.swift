// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCCore
import GRPCTransport
import ServiceAPI
import SwiftProtobuf

typealias CatalogAdmin = Encoder_EncoderService.Client<CGrpcClientTransport>

/// Options of the commands about a catalog's snapshots.
struct CatalogOptions: ParsableArguments {
  @OptionGroup var target: EncoderTarget
  @Flag(help: "Print JSON instead of text.")
  var json = false

  func withEncoder<Value: Sendable>(_ body: @Sendable (CatalogAdmin) async throws -> Value) async throws -> Value {
    try await withService("encoder", at: target.encoder) { try await body(CatalogAdmin(wrapping: $0)) }
  }
}

struct CatalogCommitCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "commit", abstract: "Make the draft the next snapshot, which never changes.",
    discussion: """
      Nobody sees the snapshot before an index version of it is published and promoted, or rolled out. A draft in which \
      nothing has changed is not committed again. `illmrec index publish` commits by itself.

      Example:
        illmrec catalog commit --label "spring collection"
      """)

  @Option(help: "A note to keep with the snapshot.", transform: NonEmpty.text)
  var label = ""
  @Flag(help: "Commit although somebody is filling the draft, or broke off: the snapshot holds what has come so far.")
  var force = false
  @OptionGroup var options: CatalogOptions

  func perform() async throws {
    let request = Encoder_CommitCatalogRequest.with {
      $0.label = label
      $0.force = force
    }
    let response = try await options.withEncoder { try await $0.commitCatalog(request) }
    if options.json { return try JSONOutput.write(response) }
    Terminal.standardOutput.writeLine(response.summary)
  }
}

struct CatalogListCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the snapshots of the catalog, newest first, and the draft.",
    discussion: """
      The snapshot that is served is the one that users' histories and titles are read from: that of the index's stable \
      version. Where the store does not hold that one, as after restoring an older backup, none is served, and a line says why. \
      Snapshots that no index version names are dropped after a while.

      Example:
        illmrec catalog list
      """)

  @OptionGroup var options: CatalogOptions

  func perform() async throws {
    let response = try await options.withEncoder { try await $0.listSnapshots(.init()) }
    if options.json { return try JSONOutput.write(response) }
    for line in SnapshotTable(response: response).lines(for: .standardOutput) {
      Terminal.standardOutput.writeLine(line)
    }
  }
}

struct CatalogDiscardCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "discard", abstract: "Make the draft the newest snapshot again, or drop a snapshot.",
    discussion: """
      Embeddings of images stay: what is encoded again costs nothing.

      Example:
        illmrec catalog discard                  gives up what was encoded and removed since the newest snapshot
        illmrec catalog discard --snapshot 3     drops snapshot 3, unless it is the newest one or users are answered from it
      """)

  @Option(help: ArgumentHelp("The snapshot to drop; the draft is left alone then.", valueName: "number"))
  var snapshot: UInt64?
  @Flag(help: "Discard although somebody is filling the draft: what has come so far is gone.")
  var force = false
  @OptionGroup var options: CatalogOptions

  func perform() async throws {
    if let snapshot {
      let response = try await options.withEncoder { try await $0.dropSnapshot(.with { $0.snapshot = snapshot }) }
      if options.json { return try JSONOutput.write(response) }
      return Terminal.standardOutput.writeLine("Dropped snapshot \(snapshot).")
    }
    let request = Encoder_DiscardDraftRequest.with { $0.force = force }
    let response = try await options.withEncoder { try await $0.discardDraft(request) }
    if options.json { return try JSONOutput.write(response) }
    Terminal.standardOutput.writeLine(
      response.discarded.isEmpty
        ? "The draft had not changed since the newest snapshot."
        : "Discarded: \(response.discarded.summary). The draft is as the newest snapshot.")
  }
}

extension Encoder_CatalogChanges {
  var isEmpty: Bool { added == 0 && changed == 0 && removed == 0 }

  /// "12 added, 3 changed"; what there is none of is left out.
  var summary: String {
    let parts = [(added, "added"), (changed, "changed"), (removed, "removed")]
    return parts.filter { $0.0 > 0 }.map { "\(Int($0.0).grouped) \($0.1)" }.joined(separator: ", ")
  }
}

extension Encoder_CommitCatalogResponse {
  var summary: String {
    let items = Int(snapshot.itemCount).counted("item")
    return created
      ? "Committed snapshot \(snapshot.number) of the catalog: \(items)."
      : "The draft has not changed since snapshot \(snapshot.number) of the catalog: \(items)."
  }
}
