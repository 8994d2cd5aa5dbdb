// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
package import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// The services that encode users and items. Before a version of another training is rolled out, each of them is asked whether it
/// holds that training: a canary whose users nobody can encode would fail all of them.
package struct EncodingServices: Sendable, Equatable {
  /// Targets of EncoderService, each of one replica.
  package var encoders: [String]
  /// Likewise of LLMService.
  package var llms: [String]
  /// A service that has not answered in this time is taken for one that cannot be reached.
  package var timeout = Duration.seconds(5)
  package var options = ClientOptions()

  package init(encoders: [String] = [], llms: [String] = []) {
    self.encoders = encoders
    self.llms = llms
  }

  private enum Kind: String {
    case encoder
    case llm

    var name: String { self == .encoder ? "encoder" : "LLM service" }
  }

  /// - Throws: FAILED_PRECONDITION: TRAINING_NOT_LOADED where a service lacks the training, TRAINING_UNVERIFIED where one cannot be
  ///   asked.
  func require(_ training: BuiltBy, of version: VersionName) async throws {
    let replicas = encoders.map { (Kind.encoder, $0) } + llms.map { (Kind.llm, $0) }
    let failures = await withTaskGroup(of: (Int, ServiceFailure?).self) { group in
      for (place, (kind, target)) in replicas.enumerated() {
        group.addTask { (place, await failure(of: kind, at: target, training, version)) }
      }
      return await group.reduce(into: [Int: ServiceFailure]()) { $0[$1.0] = $1.1 }
    }
    // Of several the first in the order of the settings, whoever was quicker.
    if let first = failures.min(by: { $0.key < $1.key })?.value { throw first }
  }

  private func failure(
    of kind: Kind, at target: String, _ training: BuiltBy, _ version: VersionName
  ) async -> ServiceFailure? {
    let service = "the \(kind.name) at \(target)"
    do {
      let served = try await withClient(target: target, options: options) { try await model(of: training, kind, $0) }
      // A service of before several trainings answers with its own, whichever it is asked for.
      guard !training.isOf(training: served.spaceFingerprint) else { return nil }
      return Self.notLoaded(training, version, service, "it serves \(served.name) \(served.version)", kind, target)
    } catch let error as RPCError where error.reason == FailureReason.trainingNotLoaded.rawValue {
      return Self.notLoaded(training, version, service, "it says: \(error.message)", kind, target)
    } catch {
      return ServiceFailure(
        .trainingUnverified,
        "\(service) cannot be asked whether it holds the training of \(version): "
          + "\((error as? RPCError)?.summary ?? "\(error)"). Start it, or start this service without it in --\(kind.rawValue)",
        field: "version")
    }
  }

  private func model(
    of training: BuiltBy, _ kind: Kind, _ client: GRPCClient<some ClientTransport>
  ) async throws -> Common_ModelRef {
    var options = CallOptions.defaults
    options.timeout = timeout
    switch kind {
    case .encoder:
      let request = Encoder_GetServerInfoRequest.with { $0.spaceFingerprint = training.spaceFingerprint }
      return try await Encoder_EncoderService.Client(wrapping: client).getServerInfo(request, options: options).model
    case .llm:
      let request = LLM_GetServerInfoRequest.with { $0.spaceFingerprint = training.spaceFingerprint }
      return try await LLM_LLMService.Client(wrapping: client).getServerInfo(request, options: options).model
    }
  }

  private static func notLoaded(
    _ training: BuiltBy, _ version: VersionName, _ service: String, _ detail: String, _ kind: Kind, _ target: String
  ) -> ServiceFailure {
    ServiceFailure(
      .trainingNotLoaded,
      "\(version) was built by the training \(training.name) \(training.version), space fingerprint "
        + "\(training.spaceFingerprint), which \(service) has not loaded (\(detail)). Load it there first: illmrec training load "
        + "DIRECTORY --\(kind.rawValue) \(target)",
      field: "version")
  }
}
