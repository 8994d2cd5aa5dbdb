public import GRPCCore

/// The service that both Swift servers run.
public struct Echo: Illmrec_Benchmark_V1_EchoService.SimpleServiceProtocol {
  public init() {}

  public func echo(
    request: Illmrec_Benchmark_V1_EchoRequest, context: ServerContext
  ) async throws -> Illmrec_Benchmark_V1_EchoResponse {
    var response = Illmrec_Benchmark_V1_EchoResponse()
    response.payload = request.payload
    return response
  }
}
