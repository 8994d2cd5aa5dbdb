// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
import GRPCTransport

/// Lets calls through whose caller may make them. Behind ``RPCObserver``, which counts and logs the others; before any message is
/// decoded.
package struct AccessInterceptor: ServerInterceptor {
  private let control: AccessControl

  package init(_ control: AccessControl) {
    self.control = control
  }

  package func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>, context: ServerContext,
    next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    if MethodAccess.of(context.descriptor) == .everybody { return try await next(request, context) }
    let caller = try control.caller(request.metadata, context.peerCertificate)
    RequestIdentity.current?.identify(caller)
    let place = try control.admit(caller, to: context.descriptor)
    var response = try await next(request, context)
    if let place { response.holding(place) }
    return response
  }
}

extension StreamingServerResponse {
  /// Keeps the place until the response has been written, or is given up.
  fileprivate mutating func holding(_ place: QuotaLedger.Place) {
    guard case .success(var contents) = accepted else { return place.giveBack() }
    let producer = contents.producer
    contents.producer = { writer in
      defer { place.giveBack() }
      return try await producer(writer)
    }
    accepted = .success(contents)
  }
}
