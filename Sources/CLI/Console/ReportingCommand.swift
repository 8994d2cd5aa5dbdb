// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import Datasets
import Evaluation
import GRPCCore
import GRPCTransport
import Glibc
import Models
import ServiceSupport
import Training

/// A subcommand whose failures are one line on standard error: the problem and its remedy.
///
/// Exit codes: 0 done, 1 failed, 2 done except for some items, 64 wrong usage, 130 interrupted.
protocol ReportingCommand: AsyncParsableCommand {
  func perform() async throws
}

extension ReportingCommand {
  func run() async throws {
    do {
      try await perform()
    } catch let error as CLIError {
      Self.report(error.message)
      throw ExitCode(error.exitCode)
    } catch let error as RPCError {
      Self.report(error.summary)
      throw ExitCode(1)
    } catch let error as ModelError {
      Self.report(error.description)
      throw ExitCode(1)
    } catch let error as DatasetError {
      Self.report(error.description)
      throw ExitCode(1)
    } catch let error as TrainingError {
      Self.report(error.description)
      throw ExitCode(1)
    } catch let error as EvaluationError {
      Self.report(error.description)
      throw ExitCode(1)
    } catch let error as TransportError {
      Self.report(error.description)
      throw ExitCode(1)
    } catch let error as SettingsError {
      Self.report(error.message)
      throw ExitCode(1)
    } catch is CancellationError {
      Self.report("interrupted")
      throw ExitCode(130)
    }
  }

  private static func report(_ message: String) {
    let terminal = Terminal.standardError
    terminal.writeLine(terminal.styled("illmrec: ", .red) + message)
  }
}
