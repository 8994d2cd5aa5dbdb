// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCTransport
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import CLI

/// Runs `body` around one service of a stack and ends it afterwards.
func withService<Value: Sendable>(
  _ member: StackMember, _ stack: StackConfiguration, state: StateDirectory,
  _ body: (_ process: ServiceProcess, _ target: String) async throws -> Value
) async throws -> Value {
  let process = try ServiceProcess(member, configuration: stack, state: state)
  do {
    let target = try await process.waitUntilServing()
    let value = try await body(process, target)
    await process.stop(within: .seconds(20))
    return value
  } catch {
    await process.stop(within: .zero)
    throw error
  }
}

/// Runs an executable of this package to its end.
func runExecutable(_ name: String, _ arguments: [String]) async throws -> (exit: ChildProcess.Exit, output: String) {
  let output = Recorder<String>()
  let child = try ChildProcess(
    name: name, executable: "\(StackConfiguration.ownDirectory)/\(name)", arguments: arguments, onLine: output.note)
  let exit = await child.waitForExit()
  return (exit, output.text)
}

extension TestShop {
  /// Encodes eight items, makes them the first version of the index, and returns when it serves.
  static func publish(to endpoints: ServiceEndpoints) async throws {
    try await withClient(target: endpoints.encoder) { client in
      _ = try await client.encoder.encodeImages(
        .with {
          $0.items = try (0..<8).map(TestShop.item)
          $0.store = true
        })
    }
    _ = try await IndexPublication(
      index: "default", labels: [:], encoder: endpoints.encoder, retrieval: endpoints.retrieval
    ).run()
  }
}

extension GRPCClient {
  var encoder: Encoder_EncoderService.Client<Transport> { .init(wrapping: self) }
  var llm: LLM_LLMService.Client<Transport> { .init(wrapping: self) }
  var retrieval: Retrieval_RetrievalService.Client<Transport> { .init(wrapping: self) }
  var gateway: Recommender_RecommenderService.Client<Transport> { .init(wrapping: self) }
}
