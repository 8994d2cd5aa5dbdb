// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Training

/// What became of a sweep's runs so far: `sweep.json`, by which it goes on, and `sweep.csv` for people and programs.
struct SweepRecord: Codable, Sendable {
  struct Run: Codable, Sendable {
    enum Outcome: String, Codable, Sendable {
      case finished
      /// Validation gained no more, and `--patience` was over.
      case outOfPatience = "out of patience"
      case failed
    }

    let name: String
    /// All of them, the common ones too.
    let flags: [String]
    let outcome: Outcome
    /// Steps done.
    var steps = 0
    /// Trained, validation included.
    var seconds = 0.0
    /// Nil without validation.
    var best: ValidationResult?
    /// Why it failed.
    var problem: String?
  }

  private(set) var runs: [Run] = []

  mutating func add(_ run: Run) {
    runs.removeAll { $0.name == run.name }
    runs.append(run)
  }

  /// Of those that ended well, the one that ranks the validation items best.
  var best: Run? {
    runs.reduce(nil as Run?) { best, run in
      run.best?.isBetter(than: best?.best) ?? false ? run : best
    }
  }

  // MARK: Files

  static let fileNames = ["sweep.json", "sweep.csv"]
  static func path(in directory: String) -> String { "\(directory)/\(fileNames[0])" }
  static func tablePath(in directory: String) -> String { "\(directory)/\(fileNames[1])" }

  init() {}

  /// - Throws: when it is there and is none.
  init(reading directory: String) throws(CLIError) {
    let path = Self.path(in: directory)
    let bytes = try InputFile.bytes(of: path, what: "what became of the sweep")
    do {
      self = try JSONDecoder().decode(SweepRecord.self, from: bytes)
      for run in runs { try SweepFile.check(run.name) }
    } catch let error as SweepFile.Problem {
      throw CLIError(.invalidInput, "\(path) \(error.message); it is not what a sweep wrote: move it away")
    } catch {
      throw CLIError(
        .invalidInput, "\(path) is not what a sweep writes; move it away, and its runs are looked at anew", cause: error
      )
    }
  }

  func write(in directory: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try OutputFile.write(encoder.encode(self) + Data("\n".utf8), to: Self.path(in: directory))
    try OutputFile.write(Data(csv.utf8), to: Self.tablePath(in: directory))
  }

  private var csv: String {
    let lines = runs.map { run in
      let best = run.best.map { ["\($0.hit5)", "\($0.ndcg5)", "\($0.step)"] } ?? ["", "", ""]
      let fields =
        [run.name, run.outcome.rawValue] + best + [
          "\(run.steps)", "\(run.seconds)", run.flags.joined(separator: " "), run.problem ?? "",
        ]
      return fields.map(CSVText.field).joined(separator: ",")
    }
    return (["run,outcome,hit@5,ndcg@5,best step,steps,seconds,flags,problem"] + lines).joined(separator: "\n") + "\n"
  }

  var table: TextTable {
    var table = TextTable([
      .init("run"), .init("Hit@5", .trailing), .init("NDCG@5", .trailing), .init("best step", .trailing),
      .init("steps", .trailing), .init("time", .trailing), .init("", isFlexible: true),
    ])
    let winner = best?.name
    for run in runs {
      let figures = run.best.map { [$0.hit5.rounded(to: 4), $0.ndcg5.rounded(to: 4), "\($0.step)"] } ?? ["", "", ""]
      let remark =
        run.name == winner ? "the best" : run.problem ?? (run.outcome == .finished ? "" : run.outcome.rawValue)
      table.add([run.name] + figures + ["\(run.steps)", Duration.seconds(run.seconds).brief, remark])
    }
    return table
  }
}
