// SPDX-License-Identifier: Apache-2.0

import Basics
import Datasets
import Foundation
import ServiceAPI
import ServiceSupport

/// An item that is not in the store, and why.
struct EncodingFailure: Error, Sendable, Equatable, Encodable {
  private enum CodingKeys: String, CodingKey {
    case itemID = "item_id"
    case place, reason, message
  }

  let itemID: String
  /// "items.jsonl:17"
  let place: String
  /// Stable and for programs: the encoder's, or one of those that the catalog of reasons has for reports.
  let reason: String
  let message: String

  init(item: CatalogItem, file: String, reason: FailureReason, message: String) {
    self.init(item: item, file: file, error: ServiceFailure(reason, message).itemError)
  }

  /// - Parameter error: as the encoder gave it.
  init(item: CatalogItem, file: String, error: Common_ItemError) {
    itemID = item.id
    place = item.line > 0 ? "\(file):\(item.line)" : file
    reason = error.reason
    message = error.message
  }

  init(_ problem: CatalogProblem) {
    itemID = problem.itemID
    place = problem.place
    reason = FailureReason.recordUnusable.rawValue
    message = problem.message
  }
}

/// What became of a catalog.
struct CatalogEncodingOutcome: Sendable {
  let stored: Int
  /// Of the stored, those whose image the encoder had seen before.
  let alreadyKnown: Int
  /// Items that the catalog does not name and that were taken out of the draft.
  let removed: Int
  /// In the catalog's order.
  let failures: [EncodingFailure]
  let duration: Duration

  private static let shownFailures = 20

  /// - Parameter failures: in any order: the encoder answers as it gets done.
  init(stored: Int, alreadyKnown: Int, removed: Int = 0, failures: [EncodingFailure], duration: Duration) {
    self.stored = stored
    self.alreadyKnown = alreadyKnown
    self.removed = removed
    self.failures = failures.sorted { $0.place.compare($1.place, options: .numeric) == .orderedAscending }
    self.duration = duration
  }

  /// Says what happened on standard error, and writes the failures to `report`.
  func write(report: String?) throws(CLIError) {
    let terminal = Terminal.standardError
    let computed = stored - alreadyKnown
    terminal.writeLine(
      "\(stored.counted("item")) stored in the draft in \(duration.brief): \(computed.grouped) encoded, \(alreadyKnown.grouped) known already."
        + (removed > 0 ? " \(removed.counted("other item")) removed." : "")
    )
    if !failures.isEmpty { writeTable(to: terminal, report: report) }
    if let report { try write(to: report) }
  }

  private func writeTable(to terminal: Terminal, report: String?) {
    terminal.writeLine(terminal.styled("\(failures.count.counted("item")) failed:", .red))
    var table = TextTable([.init("ITEM"), .init("PLACE"), .init("REASON"), .init("MESSAGE", isFlexible: true)])
    for failure in failures.prefix(Self.shownFailures) {
      table.add([failure.itemID, failure.place, failure.reason, failure.message])
    }
    table.write(to: terminal)
    let rest = failures.count - Self.shownFailures
    if rest > 0 {
      terminal.writeLine("… and \(rest.grouped) more" + (report == nil ? "; --report FILE writes them all" : ""))
    }
  }

  /// JSON for a name that ends in .json, CSV for any other.
  private func write(to path: String) throws(CLIError) {
    try OutputFile.write(path.lowercased().hasSuffix(".json") ? try json() : csv, to: path)
  }

  private func json() throws(CLIError) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return try encoder.encode(failures)
    } catch {
      throw CLIError(.fileAccess, "the report cannot be written as JSON: \(ErrorText.of(error))", cause: error)
    }
  }

  private var csv: Data {
    var text = "item_id,place,reason,message\n"
    for failure in failures {
      text +=
        [failure.itemID, failure.place, failure.reason, failure.message].map(CSVText.field).joined(separator: ",")
        + "\n"
    }
    return Data(text.utf8)
  }
}
