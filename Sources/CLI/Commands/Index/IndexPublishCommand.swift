// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCCore
import ServiceAPI
import SwiftProtobuf

struct IndexPublishCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish", abstract: "Make a new version of an index from a snapshot of the encoder's catalog.",
    discussion: """
      The draft of the catalog becomes a snapshot, unless nothing in it has changed, and that one is published; --snapshot \
      publishes an earlier one. The item vectors go from the encoder through this command to the retrieval service, a chunk at a time. Nothing is \
      visible before the last of them has arrived and the version was checked.

      Examples:
        illmrec index publish --label adaptor=2026-11 --promote
        illmrec index publish --snapshot 3 --training november/checkpoint   what is served, by a training that was loaded
      """)

  @OptionGroup var options: IndexOptions
  @OptionGroup var encoder: EncoderTarget
  @Option(
    name: .customLong("label"),
    help: ArgumentHelp("A note to keep with the version; may be repeated.", valueName: "key=value"),
    transform: NonEmpty.text)
  var labels: [String] = []
  @Option(help: ArgumentHelp("The snapshot to publish; the draft, committed, otherwise.", valueName: "number"))
  var snapshot: UInt64?
  @Option(
    help: ArgumentHelp(
      "The training whose vectors they are, as `illmrec training list` shows it; the encoder's default otherwise.",
      discussion: "The beginning of its space fingerprint, its directory, or its name.", valueName: "training"),
    transform: NonEmpty.text)
  var training: String?
  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "Build a graph for approximate search, or none; by default as the service is configured.",
      discussion: """
        Exact search is the better choice while it is quick enough, up to some hundred thousand items. Building takes minutes \
        for a million.
        """))
  var graph: Bool?
  @Flag(help: "Commit the draft although somebody is filling it, or broke off: what has come so far is published.")
  var force = false
  @Flag(help: "Let the new version answer at once.")
  var promote = false
  @OptionGroup var change: ChangeOptions

  func validate() throws {
    if force, snapshot != nil {
      throw ValidationError("--force is for the draft, and --snapshot publishes another one")
    }
    if snapshot == 0 { throw ValidationError("--snapshot is 0; the first snapshot is 1") }
  }

  func perform() async throws {
    var publication = IndexPublication(
      index: options.index, labels: try Self.parse(labels), encoder: encoder.encoder,
      retrieval: options.target.retrieval, actor: change.change.actor,
      graph: .with { $0.build = graph.map { $0 ? .always : .never } ?? .unspecified }, snapshot: snapshot,
      onCommit: { Terminal.standardError.writeLine($0.summary) })
    publication.requestID = change.requestID
    publication.force = force
    // Who repeats a request may come with the etag of before it.
    if promote, change.requestID == nil { try await publication.checkPromotion(etag: change.etag) }
    if let training { publication.training = try await fingerprint(of: training) }
    let version = try await publication.run()
    guard promote else { return try show(version) }
    let promoted: Retrieval_Version
    do {
      promoted = try await publication.promote(version, change.promotion)
    } catch {
      // It is published, whatever becomes of its promotion.
      try show(version)
      guard let failure = CommandFailure(error), failure.exitCode == 1 else { throw error }
      throw CLIError(.service, Self.notPromoted(version, failure.message), cause: error)
    }
    try show(promoted)
  }

  static func notPromoted(_ version: Retrieval_Version, _ problem: String) -> String {
    "\(version.name) was published and not promoted: \(problem). It need not be published again; "
      + "`illmrec index promote \(version.name)` promotes it"
  }

  private func show(_ version: Retrieval_Version) throws {
    if options.json { return try JSONOutput.write(version) }
    let state =
      version.roles.contains(.stable)
      ? "It answers now."
      : "It does not answer yet; `illmrec index rollout start \(version.name)` brings it in by stages."
    Terminal.standardOutput.writeLine(
      "Published \(version.name): \(Int(version.itemCount).counted("item")) of \(version.dim) dimensions, "
        + "snapshot \(version.catalog.snapshot) of the catalog. \(state)")
  }

  private func fingerprint(of training: String) async throws -> String {
    let listed = try await withService("encoder", at: encoder.encoder) {
      try await TrainingAdmin(wrapping: $0).listTrainings(.init())
    }
    return try listed.training(named: training, by: .encoder).model.spaceFingerprint
  }

  static func parse(_ labels: [String]) throws(CLIError) -> [String: String] {
    var parsed: [String: String] = [:]
    for label in labels {
      let parts = label.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw CLIError(.usage, "--label \"\(label)\" is not of the form key=value")
      }
      // A label's name is its bytes, and the contract's map takes names that look the same for one (NFC and NFD).
      guard parsed.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
        throw CLIError(
          .usage,
          "--label \"\(parts[0])\" stands twice, or two labels differ in nothing that can be seen; give each name once")
      }
    }
    return parsed
  }
}
