// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceSupport
import VectorIndex

/// A page of numbered things, newest first. The token is the number of the last one on the page before: what is added or
/// deleted meanwhile moves nothing.
struct NumberedPage {
  static let sizes = 1...1000
  static let defaultSize = 100

  private let size: Int
  private let below: UInt64

  init(size: Int32, token: String) throws(ServiceFailure) {
    guard size == 0 || Self.sizes.contains(Int(size)) else {
      throw ServiceFailure(
        .pageSizeInvalid,
        "page size is \(size); ask for \(Self.sizes.lowerBound) to \(Self.sizes.upperBound), or 0 for \(Self.defaultSize)",
        field: "page_size")
    }
    guard let below = token.isEmpty ? UInt64.max : VersionName.number(parsing: token) else {
      throw ServiceFailure(
        .pageTokenInvalid,
        "page token '\(token)' is not one; send next_page_token of the page before, or nothing for the first page",
        field: "page_token")
    }
    self.size = size == 0 ? Self.defaultSize : Int(size)
    self.below = below
  }

  /// The page, and the token of the next one; empty when there is none.
  func select<Element>(
    from all: [Element], number: (Element) -> UInt64
  ) -> (page: [Element], nextToken: String) {
    let remaining = all.filter { number($0) < below }
    let page = Array(remaining.prefix(size))
    let next = remaining.count > page.count ? page.last.map { String(number($0)) } : nil
    return (page, next ?? "")
  }
}
