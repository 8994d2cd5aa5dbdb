// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import SwiftProtobuf

/// Calls with streams. The sizes are those of gRPC's description of the tests.
extension InteropClient {
  typealias Input = Transferred<Grpc_Testing_StreamingInputCallRequest>
  typealias Output = Transferred<Grpc_Testing_StreamingOutputCallRequest>

  static let requestSizes: [Int32] = [27182, 8, 1828, 45904]
  static let responseSizes: [Int32] = [31415, 9, 2653, 58979]

  func clientStreaming() async throws {
    try await upload(Self.requestSizes.map { size in Input(.with { $0.payload = .zeros(size) }) }, sum: 74922)
  }

  func clientCompressedStreaming() async throws {
    let probe = Input(input(27182, compressed: true))
    try await expectError(.invalidArgument) { try await upload([probe], sum: 27182) }
    try await upload(
      [Input(input(27182, compressed: true), isCompressed: true), Input(input(45904, compressed: false))], sum: 73086)
  }

  private func input(_ size: Int32, compressed: Bool) -> Grpc_Testing_StreamingInputCallRequest {
    .with {
      $0.payload = .zeros(size)
      $0.expectCompressed = .with { $0.value = compressed }
    }
  }

  private func upload(_ requests: [Input], sum: Int32) async throws {
    let response = try await call(.streamingInput, requests)
    try expect("sums", response.messages.map(\.message.aggregatedPayloadSize), [sum])
  }

  func serverStreaming() async throws {
    let request = Output(.with { $0.responseParameters = Self.responseSizes.map(parameters) })
    let response = try await call(.streamingOutput, [request])
    try expect("payloads", response.messages.map(\.message.payload), Self.responseSizes.map { .zeros($0) })
  }

  func serverCompressedStreaming() async throws {
    let wanted: [(size: Int32, isCompressed: Bool)] = [(31415, true), (92653, false)]
    let request = Output(
      .with {
        $0.responseParameters = wanted.map { wanted in
          var parameters = parameters(wanted.size)
          parameters.compressed = .with { $0.value = wanted.isCompressed }
          return parameters
        }
      })
    let response = try await call(.streamingOutput, [request])
    try expect("payloads", response.messages.map(\.message.payload), wanted.map { .zeros($0.size) })
    try expect("compressed ones", response.messages.map(\.isCompressed), wanted.map(\.isCompressed))
  }

  /// Each request after the first goes out when the response to the one before has come.
  func pingPong() async throws {
    let (turns, turn) = AsyncStream.makeStream(of: Void.self)
    let response = try await call(.fullDuplex, received: { _ in turn.yield() }) { writer in
      var answered = turns.makeAsyncIterator()
      for (size, wanted) in zip(Self.requestSizes, Self.responseSizes) {
        try await writer.write(duplex(size, wanted))
        await answered.next()
      }
    }
    try expect("payloads", response.messages.map(\.message.payload), Self.responseSizes.map { .zeros($0) })
  }

  func emptyStream() async throws {
    let response = try await call(.fullDuplex, [])
    try expect("responses", response.messages.count, 0)
  }

  func halfDuplex() async throws {
    let requests = zip(Self.requestSizes, Self.responseSizes).map { duplex($0, $1) }
    let response = try await call(.halfDuplex, requests)
    try expect("payloads", response.messages.map(\.message.payload), Self.responseSizes.map { .zeros($0) })
  }

  func duplex(_ size: Int32, _ wanted: Int32) -> Output {
    Output(
      .with {
        $0.payload = .zeros(size)
        $0.responseParameters = [parameters(wanted)]
      })
  }

  private func parameters(_ size: Int32) -> Grpc_Testing_ResponseParameters { .with { $0.size = size } }
}
