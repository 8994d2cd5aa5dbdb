// SPDX-License-Identifier: Apache-2.0

public import GRPCCore

/// The service that both Swift servers run.
public struct Echo: Benchmark_EchoService.SimpleServiceProtocol {
  public init() {}

  public func echo(
    request: Benchmark_EchoRequest, context: ServerContext
  ) async throws -> Benchmark_EchoResponse {
    var response = Benchmark_EchoResponse()
    response.payload = request.payload
    return response
  }
}
