// SPDX-License-Identifier: Apache-2.0

import Foundation

extension VerifyReport {
  /// A table, the worst case of each quantity beside its bound.
  func write(to terminal: Terminal) {
    var table = TextTable([
      .init("quantity"), .init("largest error", .trailing), .init("bound", .trailing), .init("compared", .trailing),
      .init("worst at", isFlexible: true), .init(""),
    ])
    for quantity in Quantity.allCases {
      guard let finding = findings[quantity] else { continue }
      let isExact = quantity.bound(precision) == 0
      let error = isExact ? Self.countText(finding.largestError) : Self.text(finding.largestError)
      let isSound = isWithinBound(quantity)
      let worst = isExact && isSound ? "" : finding.worst + (finding.note.isEmpty ? "" : ", \(finding.note)")
      table.add([
        quantity.rawValue, error, isExact ? "equal" : Self.text(quantity.bound(precision)), "\(finding.comparisons)",
        worst, isSound ? "ok" : "FAIL",
      ])
    }
    table.write(to: terminal)
  }

  /// The same for programs.
  func json(golden: String, seconds: Double) throws -> String {
    struct Entry: Encodable {
      let quantity: String
      let largestError: Double?
      let bound: Double
      let compared: Int
      let worstAt: String
      let note: String
      let passed: Bool
    }
    struct Document: Encodable {
      let golden: String
      let precision: String
      let passed: Bool
      let seconds: Double
      let quantities: [Entry]
    }
    let entries = Quantity.allCases.compactMap { quantity in
      findings[quantity].map { finding in
        Entry(
          quantity: quantity.rawValue, largestError: finding.largestError.isFinite ? finding.largestError : nil,
          bound: quantity.bound(precision), compared: finding.comparisons, worstAt: finding.worst, note: finding.note,
          passed: isWithinBound(quantity))
      }
    }
    let document = Document(
      golden: golden, precision: precision.rawValue, passed: passed, seconds: seconds, quantities: entries)
    return try JSONOutput.text(document)
  }

  private static func text(_ error: Double) -> String {
    guard error.isFinite, error > 0 else { return error == 0 ? "0" : "\(error)" }
    return String(format: "%.1e", error)
  }

  private static func countText(_ differing: Double) -> String {
    differing == 0 ? "equal" : "\(Int(differing)) differ"
  }
}
