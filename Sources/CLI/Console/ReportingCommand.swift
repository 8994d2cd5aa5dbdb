// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import Foundation
import GRPCCore
import GRPCTransport
import ServiceSupport

/// A subcommand whose failures are one line on standard error: the problem and its remedy.
///
/// Exit codes, as docs/versioning.md has them: 0 done, 1 failed, 2 done except for some items, 64 wrong usage, 130 ended by
/// SIGINT, 143 by SIGTERM.
protocol ReportingCommand: AsyncParsableCommand {
  func perform() async throws
}

extension ReportingCommand {
  func run() async throws {
    do {
      try EnvironmentVariables.check(ProcessInfo.processInfo.environment)
      try await perform()
    } catch {
      guard let failure = CommandFailure(error) else { throw error }
      let terminal = Terminal.standardError
      // Names that others have chosen stand in it.
      let lines = failure.message.split(separator: "\n", omittingEmptySubsequences: false)
      terminal.writeLine(
        terminal.styled("illmrec: ", .red) + lines.map { VisibleText.of(String($0)) }.joined(separator: "\n"))
      throw ExitCode(failure.exitCode)
    }
  }
}

/// What is told of an error, and the exit code that it becomes.
struct CommandFailure {
  let message: String
  let exitCode: Int32

  /// Nil for what ArgumentParser says itself: wrong usage, and exit codes that a command has chosen.
  init?(_ error: any Error) {
    switch error {
    case is ExitCode, is ValidationError, is CleanExit: return nil
    case let error as CLIError: (message, exitCode) = (error.message, error.exitCode)
    case let error as SettingsError: (message, exitCode) = (error.message, Self.code(isUsage: error.isUsage))
    case let error as TransportError:
      (message, exitCode) = (error.message, Self.code(isUsage: error.code == .invalidAddress))
    case let error as RPCError: (message, exitCode) = (error.summary, 1)
    case is CancellationError: (message, exitCode) = ("interrupted", Interruption.exitCode)
    default: (message, exitCode) = (ErrorText.of(error), 1)
    }
  }

  private static func code(isUsage: Bool) -> Int32 {
    isUsage ? ExitCode.validationFailure.rawValue : ExitCode.failure.rawValue
  }
}
