// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ServiceAPI
import ServiceSupport

/// Compares the services' answers with a golden's.
struct VerifyCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compares the services' answers with those of the framework that trained the checkpoint.",
    discussion: """
      A golden is a directory with a checkpoint (bundle/), images/ and expected.json, the reference framework's answers; \
      scripts/make-golden.py makes one. Its images and histories go through EncoderService, LLMService and RetrievalService \
      over RPC, and the largest relative error of each quantity is printed beside its bound. Exit code 1 when one is beyond.

      By default the three services are started for it, on free ports and with a temporary state directory. With --encoder, \
      --llm and --retrieval a running deployment is checked: its item store is not touched, and its retrieval service gets \
      versions of an index of its own, illmrec-verify.

      Try it:
        illmrec verify goldens/mha
        illmrec verify my-golden --llm-weights ~/models/Sheared-LLaMA-2.7B --json
        illmrec verify my-golden --encoder enc:50051 --llm llm:50052 --retrieval ret:50053
      """)

  @Argument(help: ArgumentHelp("Directory of the golden.", valueName: "golden-dir"), transform: NonEmpty.text)
  var golden: String
  @Option(help: ArgumentHelp("Arithmetic of the services, which decides the bounds.", valueName: "precision"))
  var precision = Precision.f32
  @Option(
    help: ArgumentHelp(
      "The frozen LLM, a directory or a GGUF file, when it is not in the golden's bundle/llm.", valueName: "path"),
    transform: NonEmpty.text)
  var llmWeights: String?
  @Option(help: ArgumentHelp("A running EncoderService.", valueName: "target"), transform: NonEmpty.text)
  var encoder: String?
  @Option(help: ArgumentHelp("A running LLMService.", valueName: "target"), transform: NonEmpty.text)
  var llm: String?
  @Option(help: ArgumentHelp("A running RetrievalService.", valueName: "target"), transform: NonEmpty.text)
  var retrieval: String?
  @Flag(help: "Prints JSON instead of a table.")
  var json = false
  @Flag(help: "Shows the services' logs.")
  var verbose = false

  func validate() throws {
    try StackVariables().check()
    let targets = [encoder, llm, retrieval].compactMap(\.self).count
    guard targets == 0 || targets == 3 else {
      throw ValidationError("Give --encoder, --llm and --retrieval together, or none of them.")
    }
    guard targets == 0 || llmWeights == nil else {
      throw ValidationError("--llm-weights is for services that are started here, not for running ones.")
    }
  }

  func perform() async throws {
    let start = ContinuousClock.now
    let golden = try Golden.read(golden)
    let report = try await Interruption.cancelling { try await verify(golden) }
    let seconds = start.duration(to: .now).seconds
    if json {
      Terminal.standardOutput.writeLine(try report.json(golden: golden.directory, seconds: seconds))
    } else {
      report.write(to: .standardOutput)
      note("\(report.passed ? "all within the bounds" : "beyond a bound"), \(seconds.rounded(to: 1)) s")
    }
    guard report.passed else {
      throw CLIError(.verificationFailed, "\(golden.directory): the services' answers are not those of the golden")
    }
  }

  private func verify(_ golden: Golden) async throws -> VerifyReport {
    if let encoder, let llm, let retrieval {
      let endpoints = ServiceEndpoints(encoder: encoder, llm: llm, retrieval: retrieval, gateway: nil, pid: 0)
      return try await verify(golden, at: endpoints, usesItemStore: false)
    }
    let state = URL(filePath: NSTemporaryDirectory()).appending(path: "illmrec-verify-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: state) }
    var stack = StackConfiguration(checkpoint: golden.checkpoint, llmWeights: llmWeights, state: state).onFreePorts()
    stack.hasGateway = false
    stack.spaces = "image"
    stack.precision = precision.rawValue
    stack.packedCache = "off"
    note("starting the services")
    let display = verbose ? StackDisplay(terminal: .standardError) : nil
    let show: @Sendable (ServiceStack.Event) -> Void = { display?.show($0) }
    return try await ServiceStack.run(stack, report: show) { endpoints in
      try await verify(golden, at: endpoints, usesItemStore: true)
    }
  }

  private func verify(
    _ golden: Golden, at endpoints: ServiceEndpoints, usesItemStore: Bool
  ) async throws -> VerifyReport {
    let options = try ServiceConnections.options()
    return try await withClient(target: endpoints.encoder, options: options) { encoder in
      try await withClient(target: endpoints.llm, options: options) { llm in
        try await withClient(target: endpoints.retrieval, options: options) { retrieval in
          try await Verification(
            golden: golden, precision: precision, endpoints: endpoints, encoder: .init(wrapping: encoder),
            llm: .init(wrapping: llm),
            retrieval: .init(wrapping: retrieval), admin: .init(wrapping: retrieval), usesItemStore: usesItemStore,
            progress: note
          ).run()
        }
      }
    }
  }

  @Sendable private func note(_ text: String) {
    Terminal.standardError.writeLine(Terminal.standardError.styled(text, .dim))
  }
}
