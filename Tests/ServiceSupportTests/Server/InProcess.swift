import GRPCCore
import GRPCInProcessTransport
import Logging
import ServiceAPI
import Synchronization

@testable import ServiceSupport

/// Runs `body` with a client of `services`, observed as the real servers are.
func withServer<Value: Sendable>(
  _ services: [any RegistrableRPCService], logger: Logger = Logger(service: "test", level: .critical),
  _ body: (GRPCClient<InProcessTransport.Client>) async throws -> Value
) async throws -> Value {
  let transport = InProcessTransport()
  return try await withGRPCServer(
    transport: transport.server, services: services, interceptors: [RPCObserver(logger: logger)]
  ) { _ in
    try await withGRPCClient(transport: transport.client) { try await body($0) }
  }
}

/// Keeps what is logged.
final class LogRecord: Sendable {
  struct Line: Sendable {
    let level: Logger.Level
    let message: String
    let metadata: Logger.Metadata
  }

  private let stored = Mutex<[Line]>([])

  var lines: [Line] { stored.withLock(\.self) }

  var logger: Logger {
    var logger = Logger(label: "test") { _ in Handler(record: self) }
    logger.logLevel = .trace
    return logger
  }

  private struct Handler: LogHandler {
    let record: LogRecord
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let line = Line(
        level: event.level, message: event.message.description,
        metadata: metadata.merging(event.metadata ?? [:]) { $1 })
      record.stored.withLock { $0.append(line) }
    }
  }
}

/// A service whose CountTokens and EncodeUsers do what a test says.
struct ScriptedService: LLM_LLMService.SimpleServiceProtocol {
  var encode: @Sendable (LLM_EncodeUsersRequest, ServerContext) async throws -> Void = { _, _ in }

  func encodeUsers(
    request: LLM_EncodeUsersRequest, context: ServerContext
  ) async throws -> LLM_EncodeUsersResponse {
    try await encode(request, context)
    var response = LLM_EncodeUsersResponse()
    response.requestID = RequestIdentity.current?.value ?? ""
    return response
  }

  func streamEncodeUsers(
    request: RPCAsyncSequence<LLM_StreamEncodeUsersRequest, any Error>,
    response: RPCWriter<LLM_StreamEncodeUsersResponse>, context: ServerContext
  ) async throws {
    for try await message in request {
      var result = LLM_StreamEncodeUsersResponse()
      result.result.userID = RequestIdentity.current?.value ?? ""
      try await response.write(result)
      if message.user.userID == "bad" { throw ServiceFailure(.invalidArgument, reason: "BAD", "bad user") }
    }
  }

  func countTokens(
    request: LLM_CountTokensRequest, context: ServerContext
  ) async throws -> LLM_CountTokensResponse { .init() }

  func getServerInfo(
    request: LLM_GetServerInfoRequest, context: ServerContext
  ) async throws -> LLM_GetServerInfoResponse { .init() }
}
