// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What to run, and with what.
struct StackConfiguration: Sendable {
  /// Directory in the layout of the published code.
  var checkpoint: String
  /// Further trainings over the same frozen parts.
  var furtherCheckpoints: [String] = []
  /// Directory that more may be loaded from while the services run.
  var trainings: String?
  /// Directory of the frozen LLM's weights when they are not in `checkpoint`/llm.
  var llmWeights: String?
  /// See ``StateDirectory``.
  var state: String
  var host = "127.0.0.1"
  /// Whether the services may listen without TLS where other machines can reach them.
  var isInsecure = false
  /// A port of 0 means any that is free.
  var ports = Dictionary(uniqueKeysWithValues: StackMember.allCases.map { ($0, $0.defaultPort) })
  /// Where each service tells those who watch it over HTTP how it is; none without an entry, any free port for 0.
  var httpPorts: [StackMember: Int] = [:]
  /// Of those ports; that of the others when nil.
  var httpHost: String?
  /// What is said of a port in use.
  var portRemedy: @Sendable (StackMember) -> String = PortCheck.otherPort
  /// As the services' --spaces; nil leaves it to them.
  var spaces: String?
  /// As the services' --precision; nil leaves it to them.
  var precision: String?
  /// As the services' --packed-cache; a folder of the state directory when nil.
  var packedCache: String?
  var maxHistoryItems: Int?
  var modelName: String?
  var modelVersion: String?
  var hasGateway = true
  var logLevel = "info"
  /// How long requests in progress may go on once the stack is being stopped.
  var drainTimeout = Duration.seconds(10)
  /// How long requests are still taken then. Nothing balances load over a stack on one machine: there is nobody to wait for.
  var shutdownGrace = Duration.zero
  /// Where the services' executables are; beside this process's own by default.
  var executables = StackConfiguration.ownDirectory

  init(checkpoint: String, llmWeights: String? = nil, state: String) {
    self.checkpoint = checkpoint
    self.llmWeights = llmWeights
    self.state = state
  }

  /// The same on any free ports.
  func onFreePorts() -> StackConfiguration {
    var copy = self
    copy.ports = ports.mapValues { _ in 0 }
    copy.httpPorts = httpPorts.mapValues { _ in 0 }
    return copy
  }

  var members: [StackMember] { hasGateway ? StackMember.allCases : StackMember.services }

  /// - Throws: CLIError for what can be known to be wrong before anything is started.
  func check() throws(CLIError) {
    for directory in [checkpoint] + furtherCheckpoints {
      try InputFile.requireDirectory(directory, what: "the checkpoint")
    }
    if let trainings { try InputFile.requireDirectory(trainings, what: "the directory of trainings") }
    if let llmWeights { try InputFile.requireDirectory(llmWeights, what: "the LLM's weights") }
    try checkProcesses()
  }

  /// Of these, what does not depend on the checkpoint.
  func checkProcesses() throws(CLIError) {
    for member in members {
      let path = executablePath(of: member)
      guard FileManager.default.isExecutableFile(atPath: path) else {
        throw CLIError(
          .process,
          "\(path): no such executable; build all products (swift build -c release) or install them side by side")
      }
    }
    try PortCheck.requireFree(ports.filter { members.contains($0.key) }, host: host, remedy: portRemedy)
    try PortCheck.requireFree(httpPorts.filter { members.contains($0.key) }, host: httpHost ?? host) { _ in
      "choose others with --http-port"
    }
  }

  func executablePath(of member: StackMember) -> String { "\(executables)/\(member.executable)" }

  /// The command line of a service.
  ///
  /// - Parameter endpoints: of the services that it calls: for the gateway all of them, for the two that hold trainings the
  ///   retrieval service, and for that the two. An encoder that is told none reads the newest snapshot.
  func arguments(
    of member: StackMember, state: StateDirectory, endpoints: [StackMember: String] = [:]
  ) -> [String] {
    var arguments = member == .gateway ? ["gateway"] : []
    func add(_ flag: String, _ value: String?) {
      if let value { arguments += ["--\(flag)", value] }
    }
    add("host", host)
    if isInsecure { arguments.append("--insecure") }
    add("port", "\(ports[member] ?? 0)")
    add("port-file", state.portFile(of: member))
    if let port = httpPorts[member] {
      add("http-host", httpHost ?? host)
      add("http-port", "\(port)")
      add("http-port-file", state.httpPortFile(of: member))
    }
    add("log-level", logLevel)
    add("shutdown-grace", "\(shutdownGrace.seconds)")
    add("drain-timeout", "\(drainTimeout.seconds)")
    switch member {
    case .encoder:
      addModel(of: member, state, add)
      add("store", state.itemStore)
      add("retrieval", endpoints[.retrieval])
    case .llm:
      addModel(of: member, state, add)
      add("llm-weights", llmWeights)
      add("max-history-items", maxHistoryItems.map(String.init))
      add("retrieval", endpoints[.retrieval])
    case .retrieval:
      add("data", state.indexes)
      for service in [StackMember.encoder, .llm] { add(service.rawValue, endpoints[service]) }
    case .gateway:
      for service in StackMember.services { add(service.rawValue, endpoints[service]) }
    }
    return arguments
  }

  /// Where the services will listen that are not on any free port.
  var targets: [StackMember: String] {
    ports.filter { $0.value != 0 }.mapValues { ServiceProcess.target(host: host, port: $0) }
  }

  private func addModel(of member: StackMember, _ state: StateDirectory, _ add: (String, String?) -> Void) {
    for directory in [checkpoint] + furtherCheckpoints { add("checkpoint", directory) }
    add("trainings", trainings)
    add("trainings-state", trainings.map { _ in state.trainings(of: member) })
    add("spaces", spaces)
    add("precision", precision)
    add("packed-cache", packedCache ?? state.packedMatrices)
    add("model-name", modelName)
    add("model-version", modelVersion)
  }

  /// Of the running executable.
  static var ownDirectory: String {
    let link =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return URL(filePath: link).deletingLastPathComponent().path
  }
}
