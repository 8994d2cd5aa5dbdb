// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import SwiftProtobuf

/// Metadata, statuses, and calls that end early.
extension InteropClient {
  func customMetadata() async throws {
    let (text, bytes) = ("test_initial_metadata_value", [0xab, 0xab, 0xab] as [UInt8])
    let metadata: Metadata = [InteropMetadata.initial: .string(text), InteropMetadata.trailing: .binary(bytes)]
    func check(_ initial: Metadata, _ trailing: Metadata) throws {
      try expect("initial metadata", Array(initial[stringValues: InteropMetadata.initial]), [text])
      try expect("trailing metadata", Array(trailing[binaryValues: InteropMetadata.trailing]), [bytes])
    }
    let unary = try await call(.unary, [simple()], metadata: metadata)
    try check(unary.metadata, unary.trailing)
    let duplex = try await call(
      .fullDuplex, [duplex(Self.largeRequest, Self.largeResponse)], metadata: metadata)
    try check(duplex.metadata, duplex.trailing)
  }

  func statusCodeAndMessage() async throws {
    let status = Grpc_Testing_EchoStatus.with { ($0.code, $0.message) = (2, "test status message") }
    try await expectError(.unknown, status.message) { _ = try await call(.unary, [simple(status)]) }
    let request = Output(.with { $0.responseStatus = status })
    try await expectError(.unknown, status.message) { _ = try await call(.fullDuplex, [request]) }
  }

  func specialStatusMessage() async throws {
    let text = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n"
    let status = Grpc_Testing_EchoStatus.with { ($0.code, $0.message) = (2, text) }
    try await expectError(.unknown, text) { _ = try await call(.unary, [simple(status)]) }
  }

  private func simple(_ status: Grpc_Testing_EchoStatus? = nil) -> Transferred<Grpc_Testing_SimpleRequest> {
    Transferred(
      .with {
        if let status { return $0.responseStatus = status }
        $0.responseSize = Self.largeResponse
        $0.payload = .zeros(Self.largeRequest)
      })
  }

  func unimplementedMethod() async throws { try await expectNobody(.unimplemented) }

  func unimplementedService() async throws { try await expectNobody(.unimplementedService) }

  private func expectNobody(_ method: InteropMethod<Grpc_Testing_Empty, Grpc_Testing_Empty>) async throws {
    try await expectError(.unimplemented) { _ = try await call(method, [Transferred(Grpc_Testing_Empty())]) }
  }

  func cancelAfterBegin() async throws {
    let (begun, begin) = AsyncStream.makeStream(of: Void.self)
    let running = Task {
      _ = try await call(.streamingInput) { _ in
        begin.finish()
        try await Task.sleep(for: .seconds(60))
      }
    }
    for await _ in begun {}
    running.cancel()
    try await expectError(.cancelled) { try await running.value }
  }

  func cancelAfterFirstResponse() async throws {
    let (responses, response) = AsyncStream.makeStream(of: Void.self)
    let running = Task {
      _ = try await call(.fullDuplex, received: { _ in response.finish() }) { writer in
        try await writer.write(duplex(27182, 31415))
        try await Task.sleep(for: .seconds(60))
      }
    }
    for await _ in responses {}
    running.cancel()
    try await expectError(.cancelled) { try await running.value }
  }

  /// The server waits for a further request, which is not sent.
  func timeoutOnSleepingServer() async throws {
    try await expectError(.deadlineExceeded) {
      _ = try await call(.fullDuplex, timeout: .milliseconds(1)) { writer in
        try await writer.write(Output(.with { $0.payload = .zeros(27182) }))
        try await Task.sleep(for: .seconds(60))
      }
    }
  }
}
