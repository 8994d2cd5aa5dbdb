// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GRPCCore
import Recommender
import ServiceAPI
import SwiftProtobuf

struct CatalogRemoveCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Take items out of the draft.",
    discussion: """
      They stay in the snapshots that hold them, and users go on seeing them until a version without them serves.

      Example:
        illmrec catalog remove 1042 1043
        illmrec catalog remove --from-file sold-out.txt
        illmrec index publish

      Exit codes: 0 all were taken out; 2 the draft did not hold some of them, and the others were taken out.
      """)

  @Argument(help: "Their ids.", transform: NonEmpty.text)
  var ids: [String] = []
  @Option(help: ArgumentHelp("A text file with an id on each line.", valueName: "file"), transform: NonEmpty.text)
  var fromFile: String?
  @OptionGroup var options: CatalogOptions

  func validate() throws {
    if ids.isEmpty, fromFile == nil { throw ValidationError("name items, or give --from-file") }
  }

  func perform() async throws {
    let ids = try self.ids + (fromFile.map(Self.read) ?? [])
    let response = try await options.withEncoder { encoder in
      let limits = try await encoder.getServerInfo(.init()).limits
      var response = Encoder_DeleteItemsResponse()
      for portion in ids.portions(maxCount: max(1, Int(limits.maxItemsPerRequest))) {
        let part = try await encoder.deleteItems(.with { $0.itemIds = Array(portion) })
        response.deleted += part.deleted
        response.missingItemIds += part.missingItemIds
      }
      return response
    }
    if options.json { try JSONOutput.write(response) } else { Self.tell(response) }
    if !response.missingItemIds.isEmpty { throw ExitCode(2) }
  }

  /// Ids are bytes: a line is one whatever it holds, but for the end that Windows gives it.
  static func read(_ path: String) throws(CLIError) -> [String] {
    var ids: [String] = []
    let lines = try InputFile.bytes(of: path, what: "the list of items").split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (place, line) in lines.enumerated() {
      let bytes = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      if bytes.isEmpty { continue }
      guard let id = String(validating: bytes, as: UTF8.self) else {
        throw CLIError(.invalidInput, "\(path):\(place + 1): no UTF-8 text; save the file as UTF-8")
      }
      ids.append(id)
    }
    return ids
  }

  private static func tell(_ response: Encoder_DeleteItemsResponse) {
    Terminal.standardOutput.writeLine("\(Int(response.deleted).counted("item")) taken out of the draft.")
    let missing = response.missingItemIds
    guard let first = missing.first else { return }
    Terminal.standardError.writeLine(
      "The draft does not hold \(missing.count.counted("item")) of those named, \"\(first)\" among them.")
  }
}
