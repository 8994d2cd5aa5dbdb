// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Glibc
import ModelServing
import ServiceSupport

/// Runs the three services and the gateway on this machine.
struct UpCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "up",
    abstract: "Runs the three services and the gateway on this machine, until Ctrl-C.",
    discussion: """
      Each is a process of its own: illmrec-encoder, illmrec-llm and illmrec-retrieval from beside this executable, and \
      illmrec gateway. Their logs come out here, each line with its service's name. When one of them dies, its last lines are \
      shown and the others are stopped.

      Try it:
        illmrec up --checkpoint checkpoints/amazon --state ./state
        illmrec up --checkpoint CHECKPOINT --llm-weights ~/models/Sheared-LLaMA-2.7B --gateway-port 6000
        illmrec up --checkpoint CHECKPOINT --any-ports --endpoints-file endpoints.json
        illmrec up --checkpoint OLD --checkpoint NEW --trainings runs/

      Exit codes: 0 stopped by Ctrl-C or SIGTERM while it served; 1 failed; 64 wrong usage; 130 and 143 stopped by them before.
      """)

  @Option(
    name: .customLong("checkpoint"),
    help: ArgumentHelp(
      "Checkpoint in the layout of the published code; again for another training over the same frozen parts. (env: ILLMREC_CHECKPOINT)",
      valueName: "dir"),
    transform: NonEmpty.text)
  var checkpoints: [String] = []
  @Option(
    help: ArgumentHelp(
      "Directory whose checkpoints `illmrec training load` may load while the services run.", valueName: "dir"),
    transform: NonEmpty.text)
  var trainings: String?
  @Option(
    help: ArgumentHelp(
      "The frozen LLM, a directory or a GGUF file, when it is not in the checkpoint's llm/.", valueName: "path"),
    transform: NonEmpty.text)
  var llmWeights: String?
  @Option(
    help: ArgumentHelp("Where items and index versions are kept between runs.", valueName: "dir"),
    transform: NonEmpty.text)
  var state = "illmrec-state"
  @Option(
    help: ArgumentHelp(
      "Spaces in use, such as image or image,cf,text; the services' own default otherwise.", valueName: "list"),
    transform: NonEmpty.text)
  var spaces: String?
  @Option(
    help: ArgumentHelp(
      "What weight matrices are multiplied in: f32, bf16, int8 or auto, the services' own default.", valueName: "type"),
    transform: NonEmpty.text)
  var precision: String?
  @Option(
    help: ArgumentHelp("Interactions read of a history; the service's own default otherwise.", valueName: "items"))
  var maxHistoryItems: Int?
  @Option(
    help: ArgumentHelp(
      "Name of the first checkpoint in answers; its directory's otherwise, as for the others.", valueName: "name"),
    transform: NonEmpty.text)
  var modelName: String?
  @Option(
    help: ArgumentHelp("Version of the first checkpoint in answers.", valueName: "version"), transform: NonEmpty.text)
  var modelVersion: String?
  @Option(
    help: ArgumentHelp(
      """
      Address to listen on; one that other machines can reach needs TLS, which the services read from ILLMREC_TLS_CERTIFICATE, \
      ILLMREC_TLS_KEY and ILLMREC_TLS_CA, or --insecure. \(OptionVariable.note("host", default: "127.0.0.1"))
      """,
      valueName: "address"), transform: NonEmpty.text)
  var host: String?
  @Flag(
    help: "Listen without TLS on an address that other machines can reach; whoever can connect may do everything.")
  var insecure = false
  @Option(help: ArgumentHelp("Port of the gateway; 0 for any free one, as for the others.", valueName: "port"))
  var gatewayPort = StackMember.gateway.defaultPort
  @Option(help: ArgumentHelp("Port of EncoderService.", valueName: "port"))
  var encoderPort = StackMember.encoder.defaultPort
  @Option(help: ArgumentHelp("Port of LLMService.", valueName: "port"))
  var llmPort = StackMember.llm.defaultPort
  @Option(help: ArgumentHelp("Port of RetrievalService.", valueName: "port"))
  var retrievalPort = StackMember.retrieval.defaultPort
  @Option(
    help: ArgumentHelp(
      """
      Port of the gateway's /metrics, /healthz, /readyz and status page; encoder, llm and retrieval have theirs at the three after \
      it. 0 for any free ones; none without it. (env: ILLMREC_HTTP_PORT)
      """, valueName: "port"))
  var httpPort: Int?
  @Flag(help: "Any free ports, whatever the options above say.")
  var anyPorts = false
  @Option(
    help: ArgumentHelp(
      """
      JSON file to write the addresses to once all take requests; removed at the end. What a kill -9 leaves is known by its \
      state_lock, a file that nobody holds locked (flock) then.
      """, valueName: "file"), transform: NonEmpty.text)
  var endpointsFile: String?
  @Option(
    help: ArgumentHelp(
      "How long requests in progress may go on after Ctrl-C, in seconds. \(OptionVariable.note("drain-timeout", default: "10"))",
      valueName: "seconds"))
  var drainTimeout: Double?
  @Option(
    help: ArgumentHelp(
      "Least severe log lines: trace, debug, info, notice, warning, error. \(OptionVariable.note("log-level", default: "info"))",
      valueName: "level"),
    transform: NonEmpty.text)
  var logLevel: String?

  mutating func validate() throws {
    try takeVariables()
    guard !checkpoints.isEmpty else { throw ValidationError("--checkpoint is missing; it names what is served") }
    for port in [gatewayPort, encoderPort, llmPort, retrievalPort] where !(0...65535).contains(port) {
      throw ValidationError("port \(port) is not one; ports are 0 to 65535")
    }
    if let httpPort, !(0...65532).contains(httpPort) {
      throw ValidationError("--http-port is \(httpPort); it is the first of four, and may be 0 to 65532")
    }
    if let drainTimeout, !(0...3600).contains(drainTimeout) {
      throw ValidationError("--drain-timeout is \(drainTimeout); it may be 0 to 3600 seconds")
    }
    if let maxHistoryItems, !ModelSettings.historyItems.contains(maxHistoryItems) {
      let allowed = ModelSettings.historyItems
      throw ValidationError(
        "--max-history-items is \(maxHistoryItems); allowed: \(allowed.lowerBound) to \(allowed.upperBound) items")
    }
    try checkWhatServicesRead()
    _ = try stack()
  }

  /// What was not given as an option; the services' flags would hide it from them.
  private mutating func takeVariables() throws {
    let variables = StackVariables()
    try variables.check()
    if checkpoints.isEmpty { checkpoints = try variables.texts("checkpoint") ?? [] }
    trainings = try trainings ?? variables.text("trainings")
    llmWeights = try llmWeights ?? variables.text("llm-weights")
    modelName = try modelName ?? variables.text("model-name")
    host = try host ?? variables.text("host")
    httpPort = try httpPort ?? variables.number("http-port")
    drainTimeout = try drainTimeout ?? variables.number("drain-timeout")
    logLevel = try logLevel ?? variables.text("log-level")
  }

  /// Flags and variables that the services get from here, by the services' own rules.
  private func checkWhatServicesRead() throws {
    let service = try SettingFlags<ServiceSettings>.flags(["host": [host], "log-level": [logLevel]])
    let model = try SettingFlags<ModelSettings>.flags([
      "checkpoint": checkpoints, "spaces": [spaces], "precision": [precision], "model-name": [modelName],
      "model-version": [modelVersion],
    ])
    do throws(SettingsError) {
      let settings = try Settings(
        keys: ServiceSettings.keys + ModelSettings.keys,
        flags: service.given + model.given + (insecure ? [.on("insecure")] : []))
      _ = try ServiceSettings(settings, defaultPort: 0)
      _ = try ModelConfiguration(try settings.read())
    } catch {
      throw ValidationError(error.message)
    }
  }

  func perform() async throws {
    let display = StackDisplay(terminal: .standardError)
    let endpointsFile = endpointsFile
    if let endpointsFile { try ServiceEndpoints.removeStale(endpointsFile) }
    let stack = try stack()
    try await Interruption.cancelling {
      try await ServiceStack.run(stack, report: display.show) { endpoints in
        try endpointsFile.map { path throws(CLIError) in try endpoints.write(to: path) }
        defer { if let endpointsFile { unlink(endpointsFile) } }
        display.showServing(endpoints)
        await untilInterrupted()
      }
    }
    display.showStopped()
  }

  private func stack() throws -> StackConfiguration {
    let variables = StackVariables()
    var stack = StackConfiguration(checkpoint: checkpoints[0], llmWeights: llmWeights, state: state)
    stack.furtherCheckpoints = Array(checkpoints.dropFirst())
    stack.trainings = trainings
    stack.packedCache = try variables.text("packed-cache")
    if let host { stack.host = host }
    stack.isInsecure = insecure
    stack.ports = [.gateway: gatewayPort, .encoder: encoderPort, .llm: llmPort, .retrieval: retrievalPort]
    stack.httpHost = try variables.text("http-host")
    if let httpPort {
      let members: [StackMember] = [.gateway, .encoder, .llm, .retrieval]
      for (place, member) in members.enumerated() { stack.httpPorts[member] = httpPort == 0 ? 0 : httpPort + place }
    }
    stack.spaces = spaces
    stack.precision = precision
    stack.maxHistoryItems = maxHistoryItems
    stack.modelName = modelName
    stack.modelVersion = modelVersion
    if let seconds: Double = try variables.number("shutdown-grace") { stack.shutdownGrace = .seconds(seconds) }
    if let drainTimeout { stack.drainTimeout = .seconds(drainTimeout) }
    if let logLevel { stack.logLevel = logLevel }
    return anyPorts ? stack.onFreePorts() : stack
  }
}

/// Ctrl-C and SIGTERM are how what serves ends: nothing has gone wrong.
func untilInterrupted() async {
  while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
}
