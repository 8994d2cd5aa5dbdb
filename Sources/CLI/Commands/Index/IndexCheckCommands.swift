// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCCore
import ServiceAPI
import SwiftProtobuf

struct IndexVerifyCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Read a version's files again and compare them with what was published.",
    discussion: """
      Every file is read from the disk and compared with its SHA-256. Without a version, all of the index are verified.

      Example:
        illmrec index verify 3
      """)

  @Argument(help: "Its number, or its whole name.", transform: NonEmpty.text)
  var version: String?
  @OptionGroup var options: IndexOptions

  func perform() async throws {
    let named = try version.map { [try options.versionName($0)] }
    let index = options.index
    let responses = try await options.withAdmin { admin in
      var responses: [Retrieval_VerifyVersionResponse] = []
      var names = named ?? []
      if named == nil { names = try await IndexListCommand.versions(of: index, admin).map(\.name) }
      for name in names {
        responses.append(try await admin.verifyVersion(.with { $0.name = name }))
      }
      return responses
    }
    if options.json { return try JSONOutput.write(responses) }
    for response in responses {
      Terminal.standardOutput.writeLine(
        "\(response.version.name) is what was published: \(Int(response.bytesRead).grouped) bytes read, contents "
          + "\(response.version.fingerprint.prefix(12)).")
    }
  }
}

struct IndexCompareCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Say how far two versions agree.",
    discussion: """
      Both are searched for the vectors of evenly spaced items of the first. To compare them by real queries, roll the second \
      out as a shadow: illmrec index rollout start.

      Example:
        illmrec index compare 2 3 --k 10
      """)

  @Argument(help: "Number or whole name of the one that is known.", transform: NonEmpty.text)
  var baseline: String
  @Argument(help: "Number or whole name of the other one.", transform: NonEmpty.text)
  var candidate: String
  @Option(help: "Queries, 1 to 1000.")
  var queries: UInt32 = 100
  @Option(help: "Items per query.")
  var k: UInt32 = 10
  @OptionGroup var options: IndexOptions

  func validate() throws {
    guard (1...1000).contains(queries) else { throw ValidationError("--queries is \(queries); it may be 1 to 1000.") }
    guard k > 0 else { throw ValidationError("--k is 1 or more.") }
  }

  func perform() async throws {
    let request = try Retrieval_CompareVersionsRequest.with {
      $0.baselineVersion = try options.versionName(baseline)
      $0.candidateVersion = try options.versionName(candidate)
      $0.queryCount = queries
      $0.k = k
    }
    let found = try await options.withAdmin { try await $0.compareVersions(request) }
    if options.json { return try JSONOutput.write(found) }
    var table = TextTable([.init("MEASURE"), .init("VALUE", .trailing)])
    table.add(["queries", Int(found.queryCount).grouped])
    table.add(["mean overlap@\(k)", found.meanOverlap.rounded(to: 3)])
    table.add(["least overlap@\(k)", found.minOverlap.rounded(to: 3)])
    table.add(["mean rank-biased overlap", found.meanRankBiasedOverlap.rounded(to: 3)])
    table.add(["mean score drift", found.meanScoreDrift.percentText])
    table.add(["items only in \(request.baselineVersion)", Int(found.onlyInBaseline).grouped])
    table.add(["items only in \(request.candidateVersion)", Int(found.onlyInCandidate).grouped])
    table.write(to: .standardOutput)
  }
}

extension Double {
  /// "+1.2%"
  var percentText: String { (self >= 0 ? "+" : "") + (self * 100).rounded(to: 1) + "%" }
}
