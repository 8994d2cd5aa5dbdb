// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import GRPCTransport
import ServiceAPI

typealias TrainingAdmin = Training_TrainingAdminService.Client<CGrpcClientTransport>

/// A service that holds trainings.
enum TrainingHost: String, CaseIterable, ExpressibleByArgument, Sendable {
  case encoder
  case llm

  var name: String {
    switch self {
    case .encoder: "encoder"
    case .llm: "LLM service"
    }
  }
}

/// Which services a training command speaks to.
struct TrainingHosts: ParsableArguments {
  @OptionGroup var encoder: EncoderTarget
  @OptionGroup var llm: LLMTarget
  @Option(help: ArgumentHelp("Ask one of the two alone: encoder or llm.", valueName: "service"))
  var only: TrainingHost?
  @Flag(help: "Print JSON instead of text.")
  var json = false

  /// In the order in which they are asked.
  var all: [TrainingHost] { only.map { [$0] } ?? TrainingHost.allCases }

  func withAdmin<Value: Sendable>(
    of host: TrainingHost, _ body: @Sendable (TrainingAdmin) async throws -> Value
  ) async throws -> Value {
    let target =
      switch host {
      case .encoder: encoder.encoder
      case .llm: llm.llm
      }
    return try await withService(host.name, at: target) { try await body(TrainingAdmin(wrapping: $0)) }
  }

  func trainings(of host: TrainingHost) async throws -> Training_ListTrainingsResponse {
    try await withAdmin(of: host) { try await $0.listTrainings(.init()) }
  }
}

extension Training_ListTrainingsResponse {
  /// The training that a person names: by the beginning of its space fingerprint, its directory, or its name when no other
  /// has it.
  func training(named name: String, by host: TrainingHost) throws(CLIError) -> Training_Training {
    let loaded = trainings.filter { $0.state == .loaded }
    let wanted = Identifier(name)
    let found =
      [
        loaded.filter { Identifier($0.directory) == wanted },
        name.utf8.count >= 4 ? loaded.filter { $0.model.spaceFingerprint.utf8.starts(with: name.utf8) } : [],
        loaded.filter { Identifier($0.model.name) == wanted },
      ].first { !$0.isEmpty } ?? []
    guard let training = found.first, found.count == 1 else {
      let known = loaded.map { "\($0.model.spaceFingerprint.prefix(12)) (\($0.model.name), \($0.directory))" }
      throw CLIError(
        .invalidInput,
        "\"\(name)\" names \(found.isEmpty ? "no training" : "several trainings") of the \(host.name); it has "
          + known.joined(separator: ", "))
    }
    return training
  }
}
