import ArgumentParser
import GRPCCore
import GRPCTransport
import ServiceAPI
import SwiftProtobuf

struct IndexCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index", abstract: "Publish versions of a retrieval index and choose the one that answers.",
    discussion: """
      An index has immutable versions, made from the encoder's catalog. The first one serves at once, a later one after \
      `illmrec index promote`; `illmrec index rollback` goes back to the one before.
      """,
    subcommands: [
      IndexPublishCommand.self, IndexListCommand.self, IndexPromoteCommand.self, IndexRollbackCommand.self,
      IndexDeleteCommand.self,
    ])
}

typealias IndexAdmin = Illmrec_Retrieval_V1_IndexAdminService.Client<CGrpcClientTransport>

/// Options that every index command takes.
struct IndexOptions: ParsableArguments {
  @Option(help: "The index's name.")
  var index = "default"
  @OptionGroup var target: RetrievalTarget
  @Flag(help: "Print JSON instead of text.")
  var json = false

  func withAdmin<Value: Sendable>(_ body: @Sendable (IndexAdmin) async throws -> Value) async throws -> Value {
    try await withService("retrieval service", at: target.retrieval) { try await body(IndexAdmin(wrapping: $0)) }
  }

  /// A version's full name from what a person types: "3", or the whole of "default/versions/3".
  func versionName(_ text: String) throws(CLIError) -> String {
    if text.contains("/") { return text }
    guard let number = Int(text), number > 0 else {
      throw CLIError(.invalidInput, "\"\(text)\" names no version; give its number or \"\(index)/versions/<number>\"")
    }
    return "\(index)/versions/\(number)"
  }

  func show(_ rollout: Illmrec_Retrieval_V1_Rollout, _ sentence: String) throws {
    if json { return try JSONOutput.write(rollout) }
    var line = "\(sentence) Index \(rollout.index) now answers from \(rollout.stableVersion)"
    if !rollout.previousStableVersion.isEmpty {
      line += "; `illmrec index rollback` goes back to \(rollout.previousStableVersion)"
    }
    Terminal.standardOutput.writeLine(line + ".")
  }
}

struct IndexPublishCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish", abstract: "Make a new version of an index from the encoder's stored items.",
    discussion: """
      The item vectors go from the encoder through this command to the retrieval service, a chunk at a time. Nothing is \
      visible before the last of them has arrived and the version was checked.

      Example:
        illmrec index publish --label adaptor=2026-11 --promote
      """)

  @OptionGroup var options: IndexOptions
  @OptionGroup var encoder: EncoderTarget
  @Option(
    name: .customLong("label"),
    help: ArgumentHelp("A note to keep with the version; may be repeated.", valueName: "key=value"))
  var labels: [String] = []
  @Flag(help: "Let the new version answer at once.")
  var promote = false

  func perform() async throws {
    let publication = IndexPublication(
      index: options.index, labels: try Self.parse(labels), encoder: encoder.encoder,
      retrieval: options.target.retrieval)
    var version = try await publication.run()
    if promote, !version.roles.contains(.stable) {
      let name = version.name
      version = try await options.withAdmin { admin in
        _ = try await admin.promoteVersion(.with { $0.version = name })
        return try await admin.getVersion(.with { $0.name = name }).version
      }
    }
    if options.json { return try JSONOutput.write(version) }
    let state =
      version.roles.contains(.stable)
      ? "It answers now." : "It does not answer yet; `illmrec index promote \(version.name)` lets it."
    Terminal.standardOutput.writeLine(
      "Published \(version.name): \(Int(version.itemCount).counted("item")) of \(version.dim) dimensions. \(state)")
  }

  private static func parse(_ labels: [String]) throws(CLIError) -> [String: String] {
    var parsed: [String: String] = [:]
    for label in labels {
      let parts = label.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw CLIError(.invalidInput, "--label \"\(label)\" is not of the form key=value")
      }
      parsed[String(parts[0])] = String(parts[1])
    }
    return parsed
  }
}

struct IndexListCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the versions of an index, newest first.",
    discussion: "Example:\n  illmrec index list --index default --json")

  @OptionGroup var options: IndexOptions

  func perform() async throws {
    let index = options.index
    let versions = try await options.withAdmin { admin in
      var versions: [Illmrec_Retrieval_V1_Version] = []
      var token = ""
      repeat {
        let page = try await admin.listVersions(
          .with { [token] in
            $0.index = index
            $0.pageToken = token
          })
        versions += page.versions
        token = page.nextPageToken
      } while !token.isEmpty
      return versions
    }
    if options.json { return try JSONOutput.write(versions) }
    var table = TextTable([
      .init("VERSION"), .init("ROLE"), .init("ITEMS", .trailing), .init("DIM", .trailing), .init("CREATED"),
      .init("BUILT BY", isFlexible: true), .init("SPACE"), .init("LABELS", isFlexible: true),
    ])
    for version in versions { table.add(Self.row(version)) }
    table.write(to: .standardOutput)
  }

  private static func row(_ version: Illmrec_Retrieval_V1_Version) -> [String] {
    let model = version.builtBy
    let roles = version.roles.map { role in
      switch role {
      case .stable: "stable"
      case .previous: "previous"
      default: "-"
      }
    }
    return [
      version.name, roles.isEmpty ? "-" : roles.joined(separator: ", "), Int(version.itemCount).grouped,
      String(version.dim),
      version.createTime.minuteText, model.version.isEmpty ? model.name : "\(model.name) \(model.version)",
      String(model.spaceFingerprint.prefix(12)),
      version.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "),
    ]
  }
}

struct IndexPromoteCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "promote", abstract: "Let a version answer; the one that did is kept for rollback.",
    discussion: "Example:\n  illmrec index promote 3")

  @Argument(help: "Its number, or its whole name.")
  var version: String
  @OptionGroup var options: IndexOptions

  func perform() async throws {
    let name = try options.versionName(version)
    let rollout = try await options.withAdmin { try await $0.promoteVersion(.with { $0.version = name }).rollout }
    try options.show(rollout, "Promoted \(name).")
  }
}

struct IndexRollbackCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Go back to the version that answered before.",
    discussion: "Example:\n  illmrec index rollback")

  @OptionGroup var options: IndexOptions

  func perform() async throws {
    let index = options.index
    let rollout = try await options.withAdmin { try await $0.rollbackVersion(.with { $0.index = index }).rollout }
    try options.show(rollout, "Rolled back.")
  }
}

struct IndexDeleteCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete a version that neither answers nor is kept for rollback.",
    discussion: "Example:\n  illmrec index delete 3")

  @Argument(help: "Its number, or its whole name.")
  var version: String
  @OptionGroup var options: IndexOptions

  func perform() async throws {
    let name = try options.versionName(version)
    let response = try await options.withAdmin { try await $0.deleteVersion(.with { $0.name = name }) }
    if options.json { return try JSONOutput.write(response) }
    Terminal.standardOutput.writeLine("Deleted \(name).")
  }
}
