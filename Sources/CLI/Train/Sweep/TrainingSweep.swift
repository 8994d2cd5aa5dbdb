// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Training

/// Several trainings of one command, one after the other, each in a directory of its own with a table of all beside them.
struct TrainingSweep: Sendable {
  /// The sweep's.
  let directory: String
  let resumes: Bool
  private let runs: [(run: SweepFile.Run, flags: [String])]

  /// Reads the flags of all runs, and looks for the files that they name, before the first begins.
  ///
  /// - Parameter common: flags of every run, without those that the sweep decides.
  init(_ runs: [SweepFile.Run], common: [String], directory: String, resumes: Bool) throws(CLIError) {
    self.directory = directory
    self.resumes = resumes
    self.runs = runs.map { (run: $0, flags: common + $0.flags) }
    for (run, flags) in self.runs {
      try Self.command(flags, out: "\(directory)/\(run.name)", of: run).requireInputs()
    }
  }

  private static func command(
    _ flags: [String], out: String, of run: SweepFile.Run, resumes: Bool = false
  ) throws(CLIError) -> TrainCommand {
    do {
      return try TrainCommand.parse(flags + ["--out", out] + (resumes ? ["--resume"] : []))
    } catch {
      throw CLIError(.usage, "the run \"\(run.name)\": \(TrainCommand.message(for: error))", cause: error)
    }
  }

  /// Trains what is not done yet.
  ///
  /// - Returns: all of them, in the order in which they ended.
  func perform() async throws -> SweepRecord {
    var record = try begin()
    let terminal = Terminal.standardError
    let clock = ContinuousClock()
    let (start, done) = (clock.now, record.runs.count { $0.outcome != .failed })
    for (index, (run, flags)) in runs.enumerated() {
      if let known = record.runs.first(where: { $0.name == run.name }), known.outcome != .failed {
        guard known.flags == flags else {
          throw CLIError(
            .invalidInput,
            "\(directory): the run \"\(run.name)\" was trained with other flags (\(known.flags.joined(separator: " "))); call the new one "
              + "by another name")
        }
        continue
      }
      let trained = record.runs.count { $0.outcome != .failed } - done
      let left = trained == 0 ? "" : ", about \(estimate(start.duration(to: clock.now), trained, from: index)) left"
      terminal.writeLine(terminal.styled("run \(index + 1) of \(runs.count): \(run.name)\(left)", .bold))
      record.add(try await train(run, flags))
      try record.write(in: directory)
    }
    return record
  }

  /// Trains, and prints the table; fails when a run has.
  func performAndShow() async throws {
    let record = try await perform()
    record.table.write(to: .standardOutput)
    let failed = record.runs.count { $0.outcome == .failed }
    guard failed == 0 else {
      throw CLIError(
        .invalidInput,
        "\(failed) of \(record.runs.count.counted("run")) failed; mend what they say, and try them again by --resume")
    }
  }

  private func estimate(_ spent: Duration, _ trained: Int, from index: Int) -> String {
    (spent / trained * (runs.count - index)).brief
  }

  private func begin() throws -> SweepRecord {
    let isThere = FileManager.default.fileExists(atPath: SweepRecord.path(in: directory))
    guard !isThere || resumes else {
      throw CLIError(
        .invalidInput, "\(directory) holds a sweep already; go on with it by --resume, or give another directory")
    }
    try OutputFile.makeDirectory(directory, what: "the sweep's directory")
    return isThere ? try SweepRecord(reading: directory) : SweepRecord()
  }

  /// Goes on with a run that was stopped; one that fails is no reason not to try the others.
  private func train(_ run: SweepFile.Run, _ flags: [String]) async throws -> SweepRecord.Run {
    let out = RunDirectory("\(directory)/\(run.name)")
    let command = try Self.command(flags, out: out.path, of: run, resumes: !out.savedStates().isEmpty)
    do {
      let outcome = try await command.train()
      return try ended(run, flags, outcome == .outOfPatience ? .outOfPatience : .finished, in: out)
    } catch let failure {
      guard !failure.isInterruption, let text = CommandFailure(failure)?.message else { throw failure }
      Terminal.standardError.writeLine("illmrec: \(text)")
      var failed = SweepRecord.Run(name: run.name, flags: flags, outcome: .failed)
      failed.problem = text
      return failed
    }
  }

  private func ended(
    _ run: SweepFile.Run, _ flags: [String], _ outcome: SweepRecord.Run.Outcome, in directory: RunDirectory
  ) throws -> SweepRecord.Run {
    let page = LossPage(directory)
    var ended = SweepRecord.Run(name: run.name, flags: flags, outcome: outcome)
    let last = try page.lastStep()
    (ended.steps, ended.seconds) = (last?.step ?? 0, last?.seconds ?? 0)
    ended.best = try page.validationResults().reduce(nil) { $1.isBetter(than: $0) ? $1 : $0 }
    return ended
  }
}

extension Error {
  fileprivate var isInterruption: Bool { self is CancellationError || (self as? CLIError)?.code == .interrupted }
}

/// The flags that all runs of a sweep have in common: those of the command that began it.
enum SweepArguments {
  private static let takingValues: Set = ["--sweep", "--out"]
  private static let alone: Set = ["--resume"]

  /// - Parameter arguments: as the process was started, its own name first.
  /// - Returns: those behind `train`, without the ones that the sweep decides.
  static func common(of arguments: [String]) -> [String] {
    // In front of a subcommand every flag of the program has a value.
    var place = 1
    while place < arguments.count, arguments[place].hasPrefix("-") { place += arguments[place].contains("=") ? 1 : 2 }
    var common: [String] = []
    var rest = arguments.dropFirst(place + 1)
    while let argument = rest.popFirst() {
      if alone.contains(argument) { continue }
      if takingValues.contains(argument) {
        _ = rest.popFirst()
        continue
      }
      if takingValues.contains(where: { argument.hasPrefix("\($0)=") }) { continue }
      common.append(argument)
    }
    return common
  }
}
