// SPDX-License-Identifier: Apache-2.0

import ServiceAPI
import ServiceSupport
import VectorIndex

/// Which of a GetItems request's items an answer holds. The token of the next page names the version and the place, so that all pages
/// come from one version whatever is promoted meanwhile.
struct ItemPage {
  /// What gRPC's clients take by default, less what the answer holds beside its items.
  static let maxBytes = (4 << 20) - overhead
  /// Of an answer beside its items.
  private static let overhead = 64 << 10
  /// Of an item's fields, beside what they hold.
  private static let bytesOfFields = 32

  /// That answers; nil for the one that the request names.
  let version: VersionName?
  /// Of the first item.
  let start: Int
  private let size: Int
  private let ids: [String]

  init(_ request: Retrieval_GetItemsRequest) throws(ServiceFailure) {
    ids = request.itemIds
    size = Int(request.pageSize)
    guard !request.pageToken.isEmpty else {
      (version, start) = (nil, 0)
      return
    }
    // A version's name, a space and a number; a longer one is not taken to pieces.
    let isShort = request.pageToken.utf8.count <= VersionName.maxBytes + 21
    let parts = isShort ? request.pageToken.split(separator: " ", omittingEmptySubsequences: false) : []
    guard parts.count == 2, let version = try? VersionName(parsing: String(parts[0])), let start = Int(parts[1]),
      String(start) == parts[1], (1..<ids.count).contains(start), size > 0
    else {
      throw ServiceFailure(
        .pageTokenInvalid,
        "page token '\(request.pageToken)' is not one of this request; send next_page_token of the page before with the same "
          + "item_ids and a page_size, or nothing for the first page",
        field: "page_token")
    }
    (self.version, self.start) = (version, start)
  }

  /// The ids of the page, whose vectors have so many numbers.
  ///
  /// - Throws: ANSWER_TOO_LARGE when all are asked for at once and do not fit into a message.
  func ids(dim: Int, maxMessageBytes: Int) throws(ServiceFailure) -> ArraySlice<String> {
    let limit = size == 0 ? maxMessageBytes - Self.overhead : Self.maxBytes
    var (end, bytes) = (start, 0)
    while end < ids.count, size == 0 || end - start < size {
      bytes += ids[end].utf8.count + dim * MemoryLayout<Float>.size + Self.bytesOfFields
      // One item fits always, or there would be no next page.
      guard bytes <= limit || (size > 0 && end == start) else { break }
      end += 1
    }
    guard size > 0 || end == ids.count else {
      throw ServiceFailure(
        .answerTooLarge,
        "\(ids.count) items with vectors of \(dim) numbers do not fit into a message of \(maxMessageBytes) bytes; set page_size",
        field: "page_size")
    }
    return ids[start..<end]
  }

  /// Empty after the last.
  func nextToken(after page: ArraySlice<String>, of version: VersionName) -> String {
    page.endIndex < ids.count ? "\(version) \(page.endIndex)" : ""
  }
}
