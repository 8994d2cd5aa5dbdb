import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// A bulk search: reads ahead while the batch before is computed, answers in order, and stays with the version that was
/// resolved when it began.
struct SearchStream: Sendable {
  typealias Request = Retrieval_StreamSearchRequest
  typealias Response = Retrieval_StreamSearchResponse

  let resolver: VersionResolver
  let worker: SearchWorker
  let limits: RetrievalLimits
  let monitor: RolloutMonitor
  let deadline: ContinuousClock.Instant?

  func run(_ requests: RPCAsyncSequence<Request, any Error>, _ responses: RPCWriter<Response>) async throws {
    let waiting = BoundedBuffer<Request>(capacity: SearchWorker.maxBatchQueries)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for try await request in requests { try await waiting.send(request) }
        waiting.finish()
      }
      group.addTask { try await answer(waiting, responses) }
      // The first error is thrown at once, which cancels the other task.
      try await group.waitForAll()
    }
  }

  private func answer(_ waiting: BoundedBuffer<Request>, _ responses: RPCWriter<Response>) async throws {
    var requests = try await waiting.takeAll() ?? []
    let config = try config(of: requests.first)
    requests.removeFirst()
    let method = try SearchMethod(config.method, ef: config.ef, field: "config.method")
    let (served, routing) = try resolver.resolve(
      config.target, field: "config.expected_space_fingerprint", expectedSpace: config.expectedSpaceFingerprint)
    try await responses.write(.with { $0.servedBy = Retrieval_ServedBy(served) })
    repeat {
      let queries = try requests.map(query(of:))
      let batch = QueryBatch(queries, limits: limits, method: method, served: queries.map { _ in served }) { _ in
        "query"
      }
      let outcomes = try await worker.search(batch.sound, deadline: deadline, waitForRoom: true)
      monitor.note(batch.answers(outcomes), requestID: config.requestID, routing: routing)
      try await responses.write(contentsOf: batch.results(outcomes).map { result in .with { $0.result = result } })
      requests = try await waiting.takeAll() ?? []
    } while !requests.isEmpty
  }

  private func config(of first: Request?) throws(ServiceFailure) -> Request.Config {
    guard case .config(let config) = first?.message else {
      throw ServiceFailure(
        .invalidArgument, reason: "CONFIG_MISSING", "the first message of the stream must hold its config",
        field: "config")
    }
    return config
  }

  private func query(of request: Request) throws(ServiceFailure) -> Retrieval_Query {
    guard case .query(let query) = request.message else {
      throw ServiceFailure(
        .invalidArgument, reason: "QUERY_MISSING", "every message after the first must hold a query", field: "query")
    }
    guard !query.queryID.isEmpty else {
      throw ServiceFailure(
        .invalidArgument, reason: "QUERY_ID_MISSING", "a query of a stream needs an id to be told apart by",
        field: "query.query_id")
    }
    return query
  }
}
