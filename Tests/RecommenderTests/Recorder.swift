import GRPCCore
import Synchronization

/// What a service was asked, in order.
final class Recorder<Request: Sendable>: Sendable {
  private let stored = Mutex<[Request]>([])

  var requests: [Request] { stored.withLock(\.self) }

  func note(_ request: Request) { stored.withLock { $0.append(request) } }
}

/// Keeps the metadata of every RPC by method name.
struct MetadataRecorder: ServerInterceptor {
  let recorder = Recorder<(method: String, metadata: Metadata)>()

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>, context: ServerContext,
    next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    recorder.note((context.descriptor.method, request.metadata))
    return try await next(request, context)
  }

  /// Of the RPCs of `method`.
  func metadata(of method: String) -> [Metadata] {
    recorder.requests.filter { $0.method == method }.map(\.metadata)
  }
}
