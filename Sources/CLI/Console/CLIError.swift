// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics

/// Why a command could not do its work.
///
/// Printed as one line on standard error; `exitCode` becomes the process's exit code.
struct CLIError: CodedError {
  enum Code: Sendable {
    /// What the user typed says nothing that could be done, whatever the machine holds.
    case usage
    /// A file or directory that the user gave holds something that cannot be used.
    case invalidInput
    /// A file could not be read or written.
    case fileAccess
    /// A service refused, failed or could not be reached.
    case service
    /// A child process could not be started or ended unexpectedly.
    case process
    /// Ctrl-C or SIGTERM stopped the work.
    case interrupted
    /// A check found a difference beyond its bound.
    case verificationFailed
  }

  let code: Code
  let message: String
  let cause: (any Error)?

  init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  /// Messages tell their causes.
  var description: String { message }

  var exitCode: Int32 {
    switch code {
    case .usage: ExitCode.validationFailure.rawValue
    case .interrupted: Interruption.exitCode
    case .invalidInput, .fileAccess, .service, .process, .verificationFailed: 1
    }
  }
}
