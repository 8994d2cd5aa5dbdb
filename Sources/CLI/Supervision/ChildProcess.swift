// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc
import ServiceSupport
import Synchronization

/// A process that this one started: its output line by line, its exit, its end.
///
/// It is in a process group of its own, so that Ctrl-C reaches this process alone, which then ends its children in order. It
/// holds the reading end of a pipe that ends with this process, see `ParentWatch`: nothing is left behind by a kill -9.
final class ChildProcess: Sendable {
  /// How a process ended.
  enum Exit: Sendable, Equatable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)

    var description: String {
      switch self {
      case .code(let code): "ended with exit code \(code)"
      case .signal(let signal): "was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
      }
    }
  }

  private struct State {
    var exit: Exit?
    var tail = LineTail(limit: 30)
  }

  let pid: pid_t
  private let state: SharedState<State>
  private let reader: DedicatedThread
  /// Closed with the last reference to this child: the child notices that its parent has lost interest.
  private let lifeline: Descriptor

  /// Starts a process.
  ///
  /// - Parameters:
  ///   - name: for the thread that reads its output.
  ///   - onLine: called with each line of output and error output, on the reading thread.
  ///   - onExit: called once it has ended and all its output was read, on the reading thread.
  /// - Throws: CLIError when it cannot be started.
  init(
    name: String, executable: String, arguments: [String],
    onLine: @escaping @Sendable (String) -> Void = { _ in }, onExit: @escaping @Sendable (Exit) -> Void = { _ in }
  ) throws {
    let spawn = try ProcessSpawn(executable: executable, arguments: arguments)
    let state = SharedState(State())
    self.state = state
    pid = spawn.pid
    lifeline = spawn.lifeline
    let (pid, output) = (spawn.pid, spawn.output)
    reader = try DedicatedThread(name: "out-\(name)", stackBytes: 512 << 10) {
      output.forEachLine { line in
        state.value.withLock { $0.tail.append(line) }
        onLine(line)
      }
      // Waits without reaping: until the exit is noted under the lock, the pid must stay this child's.
      var info = siginfo_t()
      while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
      let exit = state.value.withLock { state in
        let exit = Self.reap(pid)
        state.exit = exit
        return exit
      }
      onExit(exit)
    }
  }

  /// Nil while it runs.
  var exit: Exit? { state.value.withLock(\.exit) }

  /// The last lines of its output.
  var lastLines: [String] { state.value.withLock(\.tail.lines) }

  /// Sends a signal, unless the process has ended.
  func send(_ signal: Int32) {
    state.value.withLock { state in
      if state.exit == nil { kill(pid, signal) }
    }
  }

  /// Returns once the process has ended and its output was read. Not cut short by cancellation.
  func waitForExit() async -> Exit {
    await reader.join()
    guard let exit else { preconditionFailure("the reading thread notes the exit before it ends") }
    return exit
  }

  /// Asks the process to end, and kills it when it has not by then. Not cut short by cancellation.
  func stop(within patience: Duration) async {
    send(SIGTERM)
    let killer = Task.detached { [self] in
      try await Task.sleep(for: patience)
      send(SIGKILL)
    }
    _ = await waitForExit()
    killer.cancel()
  }

  private static func reap(_ pid: pid_t) -> Exit {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    // As WIFSIGNALED, WTERMSIG and WEXITSTATUS do it.
    let signal = status & 0x7F
    return signal == 0 ? .code((status >> 8) & 0xFF) : .signal(signal)
  }
}

/// State that a thread shares with the object that started it.
private final class SharedState<Value: Sendable>: Sendable {
  let value: Mutex<Value>

  init(_ value: Value) { self.value = Mutex(value) }
}

/// The last lines of a text that comes line by line.
struct LineTail: Sendable {
  private(set) var lines: [String] = []
  let limit: Int

  init(limit: Int) { self.limit = limit }

  mutating func append(_ line: String) {
    if lines.count == limit { lines.removeFirst() }
    lines.append(line)
  }
}
