// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
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
    self.runs = runs.map { (run: $0, flags: SweepArguments.flags(common, $0.flags)) }
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
    _ = try checkDirectory()
    let lock = try locked()
    defer { withExtendedLifetime(lock) {} }
    // Another sweep may have ended here since the first look.
    var record = try checkDirectory() ? SweepRecord(reading: directory) : SweepRecord()
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
        if try isKept(known) { continue }
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

  /// - Returns: whether a sweep is there, to go on with.
  private func checkDirectory() throws(CLIError) -> Bool {
    let isThere = FileManager.default.fileExists(atPath: SweepRecord.path(in: directory))
    guard !isThere || resumes else {
      throw CLIError(
        .invalidInput, "\(directory) holds a sweep already; go on with it by --resume, or give another directory")
    }
    return isThere
  }

  /// Two sweeps in one directory would each take the other's runs for failed.
  private func locked() throws(CLIError) -> FileLock {
    try OutputFile.makeDirectory(directory, what: "the sweep's directory")
    return try FileLock(
      directory + "/.lock",
      held: CLIError(
        .invalidInput, "\(directory): another sweep trains here; wait for its end or stop it, or give another directory"
      ),
      failed: { CLIError(.fileAccess, "\($0.path) cannot be locked: \($0.reason)", cause: $0) })
  }

  /// Whether what a run has trained is there; one whose directory was removed is trained again.
  private func isKept(_ run: SweepRecord.Run) throws(CLIError) -> Bool {
    let out = RunDirectory("\(directory)/\(run.name)")
    guard FileManager.default.fileExists(atPath: out.path) else {
      Terminal.standardError.writeLine("\(out.path) is gone: the run \"\(run.name)\" is trained again")
      return false
    }
    guard FileManager.default.fileExists(atPath: out.checkpoint) else {
      throw CLIError(
        .invalidInput,
        "the run \"\(run.name)\" has ended, and \(out.checkpoint) is gone; put it back, or remove \(out.path) to train it again"
      )
    }
    return true
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

  /// Those of one run: its own come after the common ones, and take the place of one that is given for the same space.
  static func flags(_ common: [String], _ own: [String]) -> [String] {
    let replaced = Set(spaces(own).map(\.text))
    var flags = common
    for given in spaces(common).reversed() where replaced.contains(given.text) { flags.removeSubrange(given.places) }
    return flags + own
  }

  /// Every `--features img=…` and its like: "--features img", and the arguments that it is made of.
  private static func spaces(_ flags: [String]) -> [(text: String, places: Range<Int>)] {
    flags.indices.compactMap { place in
      let parts = flags[place].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard SweepFile.spaceFlags.contains(parts[0]), parts.count == 2 || place + 1 < flags.count else { return nil }
      let value = parts.count == 2 ? parts[1] : flags[place + 1]
      return ("\(parts[0]) \(value.prefix { $0 != "=" })", place..<place + (parts.count == 2 ? 1 : 2))
    }
  }

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
