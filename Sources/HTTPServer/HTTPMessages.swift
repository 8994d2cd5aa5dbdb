// SPDX-License-Identifier: Apache-2.0

/// A request as far as this server reads it: it takes no bodies.
package struct HTTPRequest: Sendable, Equatable {
  package enum Method: String, Sendable {
    case get = "GET"
    case head = "HEAD"
  }

  package let method: Method
  /// As it was sent, without the query; begins with a slash.
  package let path: String
  /// Whether the connection may be used again after the answer.
  let keepsAlive: Bool
}

package struct HTTPResponse: Sendable {
  package let status: HTTPStatus
  package let contentType: String
  package let body: [UInt8]
  package let headers: [(name: String, value: String)]

  /// - Parameter headers: beside those that every answer has; never from data.
  package init(
    _ status: HTTPStatus, contentType: String, _ body: [UInt8], headers: [(name: String, value: String)] = []
  ) {
    self.status = status
    self.contentType = contentType
    self.body = body
    self.headers = headers
  }

  package init(_ status: HTTPStatus, text: String, headers: [(name: String, value: String)] = []) {
    self.init(status, contentType: "text/plain; charset=utf-8", Array("\(text)\n".utf8), headers: headers)
  }

  /// As it is sent.
  ///
  /// - Parameter date: the current time; an answer tells it.
  func bytes(for method: HTTPRequest.Method, keepsAlive: Bool, date: String) -> [UInt8] {
    var head = "HTTP/1.1 \(status.rawValue) \(status.phrase)\r\n"
    let all = [
      ("Date", date), ("Content-Type", contentType), ("Content-Length", "\(body.count)"), ("Cache-Control", "no-store"),
      ("X-Content-Type-Options", "nosniff"), ("Connection", keepsAlive ? "keep-alive" : "close"),
    ]
    for (name, value) in all + headers.map({ ($0.name, $0.value) }) { head += "\(name): \(value)\r\n" }
    return Array("\(head)\r\n".utf8) + (method == .head ? [] : body)
  }
}

package enum HTTPStatus: Int, Sendable {
  case ok = 200
  case badRequest = 400
  case notFound = 404
  case methodNotAllowed = 405
  case contentTooLarge = 413
  case uriTooLong = 414
  case headersTooLarge = 431
  case unavailable = 503
  case versionNotSupported = 505

  var phrase: String {
    switch self {
    case .ok: "OK"
    case .badRequest: "Bad Request"
    case .notFound: "Not Found"
    case .methodNotAllowed: "Method Not Allowed"
    case .contentTooLarge: "Content Too Large"
    case .uriTooLong: "URI Too Long"
    case .headersTooLarge: "Request Header Fields Too Large"
    case .unavailable: "Service Unavailable"
    case .versionNotSupported: "HTTP Version Not Supported"
    }
  }
}

/// What one client may take.
package struct HTTPLimits: Sendable {
  /// Of a request line and its headers together.
  package var headBytes = 8 << 10
  /// At once. One more takes the place of the one that has been idle for longest, or else of the slowest to send its request.
  package var connections = 64
  /// From a request's first byte, or the connection's begin, to its last.
  package var headTime = Duration.seconds(5)
  /// Between two requests.
  package var idleTime = Duration.seconds(75)
  /// For an answer to be taken.
  package var writeTime = Duration.seconds(10)
  /// For what a refused client still sends: closing at once would take the refusal from it.
  package var lingerTime = Duration.seconds(1)

  package init() {}
}
