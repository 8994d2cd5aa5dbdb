// SPDX-License-Identifier: Apache-2.0

import Basics
import CProcess
import Glibc
import ServiceSupport

/// A process just started, see `illmrec_spawn`.
struct ProcessSpawn {
  let pid: pid_t
  /// Standard output and standard error; ends with the process.
  let output: Descriptor
  /// The process learns from its closing that this one is gone.
  let lifeline: Descriptor

  init(executable: String, arguments: [String]) throws(CLIError) {
    var child = illmrec_child()
    let status = Self.withCStrings([executable] + arguments) { argv in
      Self.withCStrings(Self.environment) { illmrec_spawn(executable, argv, $0, &child) }
    }
    guard status == 0 else {
      throw CLIError(.process, "cannot start \(executable): \(String(cString: strerror(status)))")
    }
    pid = child.pid
    output = Descriptor(takingOwnershipOf: child.output)
    lifeline = Descriptor(takingOwnershipOf: child.lifeline)
  }

  /// This process's, with where the lifeline is.
  private static var environment: [String] {
    var variables: [String] = []
    var next = environ
    while let variable = next.pointee {
      variables.append(String(cString: variable))
      next += 1
    }
    return variables.filter { !$0.hasPrefix(ParentWatch.variable + "=") }
      + ["\(ParentWatch.variable)=\(ILLMREC_LIFELINE_FD)"]
  }

  private static func withCStrings<Value>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
  ) -> Value {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }
}
