// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The services of a deployment on this machine, as child processes.
///
/// They live as long as the body that uses them: whatever ends it, their deaths and this process's kill -9 included, ends them
/// all. The gateway is started once the three services take requests.
final class ServiceStack: Sendable {
  /// What happens to a stack, for whoever shows it.
  enum Event: Sendable {
    case started(StackMember, pid: Int32)
    /// A line of a service's log.
    case line(StackMember, String)
    case ready(StackMember, target: String, after: Duration)
    /// Still not ready, `after` their start.
    case waiting([StackMember], after: Duration)
    case stopping
  }

  /// With every port chosen: the services are told of each other before they listen.
  private let configuration: StackConfiguration
  /// Of the ports that may be any, until the services listen.
  private let reservation: Mutex<PortReservation?>
  private let state: StateDirectory
  private let report: @Sendable (Event) -> Void
  private let processes = Mutex<[ServiceProcess]>([])
  /// Those that take requests.
  private let ready = Mutex<Set<StackMember>>([])
  private let deaths = AsyncStream.makeStream(of: (StackMember, ChildProcess.Exit).self)

  private init(
    _ configuration: StackConfiguration, _ state: StateDirectory?, report: @escaping @Sendable (Event) -> Void
  ) throws(CLIError) {
    try configuration.check()
    let members = configuration.members.filter { configuration.ports[$0, default: 0] == 0 }
    let reserved = try PortReservation(for: members, host: configuration.host)
    reservation = Mutex(reserved)
    var chosen = configuration
    chosen.ports.merge(reserved.ports) { $1 }
    self.configuration = chosen
    self.report = report
    if let state { self.state = state } else { self.state = try StateDirectory(configuration.state) }
  }

  /// Runs a stack around `body`.
  ///
  /// - Parameters:
  ///   - state: of the configuration, where the caller has locked it already.
  ///   - report: called with what happens, from any thread.
  ///   - body: is cancelled when a service dies.
  /// - Throws: what `body` throws, or CLIError when a service cannot be started or dies; all of them have ended then.
  static func run<Value: Sendable>(
    _ configuration: StackConfiguration, state: StateDirectory? = nil,
    report: @escaping @Sendable (Event) -> Void = { _ in },
    _ body: @escaping @Sendable (ServiceEndpoints) async throws -> Value
  ) async throws -> Value {
    let stack = try ServiceStack(configuration, state, report: report)
    let result: Result<Value, any Error>
    do {
      result = .success(try await stack.untilDeath { try await body(try await stack.start()) })
    } catch {
      result = .failure(error)
    }
    // In a task of its own: it must come to its end even when this one is cancelled.
    await Task.detached { await stack.stop() }.value
    return try result.get()
  }

  // MARK: Start

  private func start() async throws -> ServiceEndpoints {
    let start = ContinuousClock.now
    for member in [StackMember.retrieval, .llm] { try launch(member) }
    // The encoder follows the index, so the retrieval service comes first.
    var targets = try await waitForAll([.retrieval], since: start)
    try launch(.encoder)
    targets.merge(try await waitForAll([.encoder, .llm], since: start)) { $1 }
    if configuration.hasGateway {
      try launch(.gateway)
      targets.merge(try await waitForAll([.gateway], since: start)) { $1 }
    }
    reservation.withLock { $0 = nil }
    return ServiceEndpoints(
      encoder: targets[.encoder] ?? "", llm: targets[.llm] ?? "", retrieval: targets[.retrieval] ?? "",
      gateway: targets[.gateway], pid: getpid(),
      stateLock: StateDirectory.lockFile(of: configuration.state), http: httpTargets)
  }

  /// Nil where no service has one.
  private var httpTargets: [String: String]? {
    let targets = processes.withLock(\.self).compactMap { process in
      process.httpTarget.map { (process.member.rawValue, $0) }
    }
    return targets.isEmpty ? nil : Dictionary(targets) { $1 }
  }

  private func launch(_ member: StackMember) throws {
    try Task.checkCancellation()
    let process = try ServiceProcess(
      member, configuration: configuration, state: state, endpoints: configuration.targets,
      onLine: { [report] in report(.line(member, $0)) },
      onExit: { [deaths] in deaths.continuation.yield((member, $0)) })
    processes.withLock { $0.append(process) }
    report(.started(member, pid: process.child.pid))
  }

  private func waitForAll(
    _ members: [StackMember], since start: ContinuousClock.Instant
  ) async throws -> [StackMember: String] {
    try await withThrowingTaskGroup(of: (StackMember, String)?.self) { group in
      for process in processes.withLock(\.self) where members.contains(process.member) {
        group.addTask { (process.member, try await process.waitUntilServing()) }
      }
      group.addTask { [self] in
        while true {
          try await Task.sleep(for: .seconds(5))
          let waiting = ready.withLock { ready in members.filter { !ready.contains($0) } }
          report(.waiting(waiting, after: start.duration(to: .now)))
        }
      }
      var targets: [StackMember: String] = [:]
      while targets.count < members.count, let next = try await group.next(), let (member, target) = next {
        targets[member] = target
        _ = ready.withLock { $0.insert(member) }
        report(.ready(member, target: target, after: start.duration(to: .now)))
      }
      group.cancelAll()
      return targets
    }
  }

  // MARK: Life and end

  /// Runs `body`, unless a service dies before it has ended.
  private func untilDeath<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await body() }
      group.addTask { [deaths] in
        for await (member, exit) in deaths.stream { throw self.failure(member, exit) }
        return nil
      }
      defer { group.cancelAll() }
      while let value = try await group.next() {
        if let value { return value }
      }
      throw CancellationError()
    }
  }

  private func failure(_ member: StackMember, _ exit: ChildProcess.Exit) -> any Error {
    let process = processes.withLock { processes in processes.first { $0.member == member } }
    return process?.failure(exit) ?? CLIError(.process, "\(member.rawValue) \(exit)")
  }

  /// The gateway first, so that no request is on its way into services that are going.
  private func stop() async {
    deaths.continuation.finish()
    let processes = processes.withLock(\.self)
    guard !processes.isEmpty else { return }
    report(.stopping)
    let patience = configuration.drainTimeout + .seconds(5)
    for process in processes where process.member == .gateway { await process.stop(within: patience) }
    await withTaskGroup { group in
      for process in processes { group.addTask { await process.stop(within: patience) } }
    }
  }
}
