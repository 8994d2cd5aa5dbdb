// SPDX-License-Identifier: Apache-2.0

/// Reads requests of HTTP/1.0 and 1.1 strictly: what one reader takes for one request and another for two is refused.
///
/// - Source: RFC 9112, sections 2 to 6.
enum HTTPRequestParser {
  enum Result: Equatable {
    /// More has to come.
    case incomplete
    /// - byteCount: of the request in what was read.
    case request(HTTPRequest, byteCount: Int)
    /// The connection cannot be used after it.
    case refused(HTTPStatus, String)
  }

  private struct Refusal: Error {
    let status: HTTPStatus
    let reason: String
  }

  static let maxHeaders = 100

  static func parse(_ bytes: [UInt8], maxHeadBytes: Int) -> Result {
    // Of empty lines before a request, a server takes no notice.
    let start = bytes.firstIndex { $0 != 0x0D && $0 != 0x0A } ?? bytes.count
    guard start <= 4 else { return .refused(.badRequest, "empty lines in place of a request") }
    let head = bytes[start...].prefix(maxHeadBytes)
    guard let end = endOfHead(head) else {
      guard bytes.count - start >= maxHeadBytes else { return .incomplete }
      return head.contains(0x0A)
        ? .refused(.headersTooLarge, "the request's head is longer than \(maxHeadBytes) bytes")
        : .refused(.uriTooLong, "the request's line is longer than \(maxHeadBytes) bytes")
    }
    do throws(Refusal) {
      return .request(try request(lines(head[..<end])), byteCount: end)
    } catch {
      return .refused(error.status, error.reason)
    }
  }

  /// Behind the empty line.
  private static func endOfHead(_ bytes: ArraySlice<UInt8>) -> Int? {
    var place = bytes.startIndex
    while let lineEnd = bytes[place...].firstIndex(of: 0x0A) {
      let next = lineEnd + 1
      if bytes[next...].first == 0x0A { return next + 1 }
      if bytes[next...].starts(with: [0x0D, 0x0A]) { return next + 2 }
      place = next
    }
    return nil
  }

  /// Without their ends; the last, empty one is left out.
  private static func lines(_ head: ArraySlice<UInt8>) throws(Refusal) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    for line in head.split(separator: 0x0A, omittingEmptySubsequences: true) {
      guard line.last == 0x0D else { throw Refusal(status: .badRequest, reason: "a line does not end with CR LF") }
      let text = line.dropLast()
      guard text.allSatisfy({ $0 == 0x09 || $0 >= 0x20 && $0 != 0x7F }) else {
        throw Refusal(status: .badRequest, reason: "a control character in the request's head")
      }
      if !text.isEmpty { lines.append(text) }
    }
    return lines
  }

  private static func request(_ lines: [ArraySlice<UInt8>]) throws(Refusal) -> HTTPRequest {
    let parts = lines[0].split(separator: 0x20, omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw Refusal(status: .badRequest, reason: "the first line is no request line") }
    let (method, target, version) = (text(parts[0]), text(parts[1]), text(parts[2]))
    guard version == "HTTP/1.1" || version == "HTTP/1.0" else {
      throw Refusal(status: .versionNotSupported, reason: "HTTP/1.1 is spoken here")
    }
    let headers = try Headers(lines.dropFirst(), requiresHost: version == "HTTP/1.1")
    guard let method = HTTPRequest.Method(rawValue: method) else {
      throw Refusal(status: .methodNotAllowed, reason: "only GET and HEAD")
    }
    guard target.utf8.first == UInt8(ascii: "/"), target.utf8.allSatisfy({ $0 < 0x7F }) else {
      throw Refusal(status: .badRequest, reason: "the target is no path")
    }
    let path = target.prefix { $0 != "?" }
    return HTTPRequest(
      method: method, path: String(path), keepsAlive: version == "HTTP/1.1" ? !headers.closes : headers.keepsAlive)
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

  /// What of the headers has a meaning here.
  private struct Headers {
    private(set) var closes = false
    private(set) var keepsAlive = false

    init(_ lines: ArraySlice<ArraySlice<UInt8>>, requiresHost: Bool) throws(Refusal) {
      guard lines.count <= maxHeaders else {
        throw Refusal(status: .headersTooLarge, reason: "more than \(maxHeaders) headers")
      }
      var hosts = 0
      for line in lines {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
          line[..<colon].allSatisfy({ $0 > 0x20 })
        else { throw Refusal(status: .badRequest, reason: "a header has no name") }
        let name = text(line[..<colon]).lowercased()
        let value = text(line[(colon + 1)...]).lowercased().filter { $0 != " " && $0 != "\t" }
        switch name {
        case "host": hosts += 1
        case "connection":
          for option in value.split(separator: ",") {
            if option == "close" { closes = true }
            if option == "keep-alive" { keepsAlive = true }
          }
        case "content-length" where value != "0", "transfer-encoding":
          throw Refusal(status: .contentTooLarge, reason: "requests have no body here")
        default: break
        }
      }
      guard hosts == 1 || (hosts == 0 && !requiresHost) else {
        throw Refusal(status: .badRequest, reason: "one Host header is needed")
      }
    }
  }
}
