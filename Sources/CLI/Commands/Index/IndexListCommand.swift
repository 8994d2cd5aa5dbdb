// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCCore
import ServiceAPI
import SwiftProtobuf

struct IndexListCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the versions of an index, newest first.",
    discussion: "Example:\n  illmrec index list --index default --json")

  @OptionGroup var options: IndexOptions

  func perform() async throws {
    let index = options.index
    let versions = try await options.withAdmin { try await Self.versions(of: index, $0) }
    if options.json { return try JSONOutput.write(versions) }
    var table = TextTable([
      .init("VERSION"), .init("ROLE"), .init("SNAPSHOT", .trailing), .init("ITEMS", .trailing), .init("DIM", .trailing),
      .init("CREATED"),
      .init("BUILT BY", isFlexible: true), .init("SPACE"), .init("LABELS", isFlexible: true),
    ])
    for version in versions { table.add(Self.row(version)) }
    table.write(to: .standardOutput)
  }

  /// All versions, newest first, page by page.
  static func versions(of index: String, _ admin: IndexAdmin) async throws -> [Retrieval_Version] {
    var versions: [Retrieval_Version] = []
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

  private static func row(_ version: Retrieval_Version) -> [String] {
    let model = version.builtBy
    let roles = version.roles.map(\.text)
    return [
      version.name, roles.isEmpty ? "-" : roles.joined(separator: ", "),
      version.hasCatalog ? String(version.catalog.snapshot) : "-", Int(version.itemCount).grouped, String(version.dim),
      version.createTime.minuteText, model.version.isEmpty ? model.name : "\(model.name) \(model.version)",
      String(model.spaceFingerprint.prefix(12)),
      version.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "),
    ]
  }
}

struct IndexShowCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show everything that is known of a version.",
    discussion: "Example:\n  illmrec index show 3")

  @Argument(help: "Its number, or its whole name.", transform: NonEmpty.text)
  var version: String
  @OptionGroup var options: IndexOptions

  func perform() async throws {
    let name = try options.versionName(version)
    let version = try await options.withAdmin { try await $0.getVersion(.with { $0.name = name }).version }
    if options.json { return try JSONOutput.write(version) }
    var table = TextTable([.init("VERSION"), .init(version.name)])
    let roles = version.roles.map(\.text).joined(separator: ", ")
    table.add(["roles", roles.isEmpty ? "none: it serves no traffic" : roles])
    table.add(["items", Int(version.itemCount).grouped])
    table.add([
      "catalog",
      version.hasCatalog
        ? "snapshot \(version.catalog.snapshot) of \(version.catalog.id)" : "not told by whoever published it",
    ])
    table.add(["dimensions", String(version.dim)])
    table.add(["search", Self.search(version)])
    table.add(["created", version.createTime.minuteText + " UTC"])
    table.add(["contents", version.fingerprint])
    table.add(["built by", "\(version.builtBy.name) \(version.builtBy.version)"])
    table.add(["model", version.builtBy.fingerprint])
    table.add(["space", version.builtBy.spaceFingerprint])
    for (key, value) in version.labels.sorted(by: { $0.key < $1.key }) { table.add(["label \(key)", value]) }
    table.write(to: .standardOutput)
  }

  private static func search(_ version: Retrieval_Version) -> String {
    guard version.hasGraph else { return "exact" }
    let graph = version.graph
    return "approximate: HNSW, m \(graph.m), ef_construction \(graph.efConstruction), "
      + "\(max(1, graph.bytes >> 20)) MiB, by \(graph.library)"
  }
}

struct IndexLogCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Show who changed what serves, when and why; newest first.",
    discussion: "Example:\n  illmrec index log --limit 20")

  @Option(help: ArgumentHelp("Entries to show, 1 to 1000.", valueName: "count"))
  var limit: Int32 = 50
  @OptionGroup var options: IndexOptions

  func validate() throws {
    guard (1...1000).contains(limit) else { throw ValidationError("--limit is \(limit); it may be 1 to 1000.") }
  }

  func perform() async throws {
    let index = options.index
    let entries = try await options.withAdmin { admin in
      try await admin.listAuditEntries(
        .with {
          $0.index = index
          $0.pageSize = limit
        }
      ).entries
    }
    if options.json { return try JSONOutput.write(entries) }
    var table = TextTable([
      .init("#", .trailing), .init("TIME"), .init("WHAT"), .init("VERSION"), .init("WHO", isFlexible: true),
      .init("WHY", isFlexible: true), .init("DETAIL", isFlexible: true),
    ])
    for entry in entries {
      table.add([
        String(entry.number), entry.time.minuteText, entry.title, entry.version, entry.actor, entry.reason,
        entry.detail,
      ])
    }
    table.write(to: .standardOutput)
  }
}
