// SPDX-License-Identifier: Apache-2.0

import GRPCCore
package import Logging

/// A token that says who calls, in a file of its own: never in a flag or a variable, which other users of a machine can see.
package final class TokenFile: Sendable {
  package let path: String
  private let file: FollowedFile<BearerToken>

  /// - Parameter logger: is told when the file changes.
  /// - Throws: for a file that others may read, and for one that holds no token.
  package init(_ path: String, logger: Logger? = nil) throws(SettingsError) {
    self.path = path
    file = try FollowedFile(path, report: { Self.report($0, logger) }) { contents throws(SettingsError) in
      try Self.token(in: contents)
    }
  }

  /// As the file says now.
  package var token: BearerToken { file.current }

  private static func token(in file: FileContents) throws(SettingsError) -> BearerToken {
    guard file.mode & 0o077 == 0 else {
      throw SettingsError(
        "\(file.path) holds a token and others may read it; run: chmod 600 \(file.path)", isUsage: true)
    }
    let text = String(decoding: file.bytes, as: UTF8.self).trimmed
    guard let token = BearerToken(text) else {
      throw SettingsError(
        "\(file.path) does not hold one token and nothing else; write one with illmrec token new --out \(file.path)",
        isUsage: true)
    }
    return token
  }

  private static func report(_ problem: SettingsError?, _ logger: Logger?) {
    if let problem {
      logger?.warning(
        "the changed token file is not used; the token before goes on", metadata: ["problem": "\(problem.message)"])
    } else {
      logger?.notice("the changed token file is used from now on")
    }
  }
}

extension TokenFile: Equatable {
  package static func == (left: TokenFile, right: TokenFile) -> Bool { left === right }
}

/// Sends the token with every call.
struct TokenSender: ClientInterceptor {
  let token: TokenFile

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingClientRequest<Input>, context: ClientContext,
    next: (StreamingClientRequest<Input>, ClientContext) async throws -> StreamingClientResponse<Output>
  ) async throws -> StreamingClientResponse<Output> {
    var request = request
    request.metadata.removeAllValues(forKey: BearerToken.metadataKey)
    request.metadata.add(contentsOf: token.token.metadata)
    return try await next(request, context)
  }
}

extension String {
  /// Without the line's end that editors write.
  fileprivate var trimmed: String {
    var text = self[...]
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
