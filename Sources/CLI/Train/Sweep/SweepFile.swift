// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Models

/// The trainings that a file asks for.
///
///     {"runs": [{"name": "rank 8", "flags": ["--lora", "8"]}],
///      "grid": [{"flag": "--learning-rate", "values": [0.001, 0.0003]}, {"flag": "--positions", "values": [true, false]}]}
///
/// Either may be left out. A grid has a run for each choice of one value of each flag; `true` and `false` give a flag without a value
/// and leave it out, and so does `null` with any flag.
struct SweepFile: Sendable {
  struct Run: Sendable, Equatable {
    /// A directory of the sweep's is called so.
    let name: String
    /// What is added to the flags that all have in common.
    let flags: [String]
  }

  let runs: [Run]

  static let maxRuns = 1000
  private static let maxBytes = 1 << 20
  /// Of a directory's name.
  private static let maxNameBytes = 255
  /// Given once for each space.
  static let spaceFlags: Set = ["--features", "--space-dropout"]
  /// What the sweep itself decides of each run.
  static let ownFlags: Set = ["--out", "--resume", "--sweep", "--golden", "--name", "--help", "-h", "--version"]

  init(_ path: String) throws(CLIError) {
    let bytes = try InputFile.bytes(of: path, what: "the sweep")
    guard bytes.count <= Self.maxBytes else {
      throw CLIError(.invalidInput, "\(path) has \(bytes.count) bytes; a sweep has \(Self.maxBytes) at most")
    }
    do throws(Problem) {
      try self.init(parsing: [UInt8](bytes))
    } catch {
      throw CLIError(.invalidInput, "\(path) \(error.message)")
    }
  }

  /// What is wrong, as the end of a sentence about the file.
  struct Problem: Error, Equatable {
    let message: String
  }

  init(parsing bytes: [UInt8]) throws(Problem) {
    let json: JSONValue
    do throws(JSONValue.Problem) {
      json = try JSONValue(parsing: bytes)
    } catch {
      throw Problem(message: error.message)
    }
    let members = try Self.members(json, allowed: ["runs", "grid"], of: "a sweep")
    guard !members.isEmpty else { throw Problem(message: "has neither \"runs\" nor \"grid\"") }
    var runs: [Run] = []
    for run in try Self.list(members["runs"], "runs") { runs.append(try Self.run(run)) }
    runs += try Self.grid(Self.list(members["grid"], "grid"))
    guard !runs.isEmpty else { throw Problem(message: "asks for no run") }
    guard runs.count <= Self.maxRuns else {
      throw Problem(message: "asks for more than \(Self.maxRuns) runs")
    }
    var names: Set<Identifier> = []
    for run in runs where !names.insert(Identifier(run.name)).inserted {
      throw Problem(message: "has two runs called \"\(run.name)\"")
    }
    self.runs = runs
  }

  // MARK: Named runs

  private static func run(_ json: JSONValue) throws(Problem) -> Run {
    let members = try members(json, allowed: ["name", "flags"], of: "a run")
    guard let name = members["name"]?.string else {
      throw Problem(message: "has a run without a \"name\"")
    }
    try check(name)
    var flags: [String] = []
    for flag in try list(members["flags"], "flags") {
      guard let text = try text(of: flag) else {
        throw Problem(
          message: "has something in the flags of \"\(name)\" that is neither a text nor a number")
      }
      flags.append(text)
    }
    try check(flags: flags, of: name)
    return Run(name: name, flags: flags)
  }

  /// Whether a directory beside the sweep's own files may be called so.
  static func check(_ name: String) throws(Problem) {
    let isPlain = name.unicodeScalars.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
        || " -_.,=".unicodeScalars.contains($0)
    }
    guard isPlain, (1...maxNameBytes).contains(name.utf8.count), !name.hasPrefix("."),
      !name.hasPrefix(" ")
    else {
      throw Problem(
        message:
          "has a run called \"\(name)\"; its directory is called so, and letters, digits and \"-_.,= \" may stand in it, at "
          + "most \(maxNameBytes), with no point or space before them")
    }
    guard !SweepRecord.fileNames.contains(name) else {
      throw Problem(message: "has a run called \"\(name)\", as a file of the sweep's is; call it otherwise")
    }
  }

  private static func check(flags: [String], of name: String) throws(Problem) {
    for flag in flags where ownFlags.contains(String(flag.prefix { $0 != "=" })) {
      throw Problem(message: "has \(flag) in the run \"\(name)\"; the sweep decides it for each")
    }
  }

  // MARK: Grids

  private static func grid(_ axes: [JSONValue]) throws(Problem) -> [Run] {
    guard !axes.isEmpty else { return [] }
    var runs = [Run(name: "", flags: [])]
    var flags: Set<String> = []
    for axis in axes {
      let (flag, choices) = try choices(axis)
      guard flags.insert(flag).inserted || spaceFlags.contains(flag) else {
        throw Problem(message: "has \(flag) in two parts of the grid; give all its values in one")
      }
      guard runs.count * choices.count <= maxRuns else {
        throw Problem(message: "has a grid of more than \(maxRuns) runs")
      }
      runs = runs.flatMap { run in
        choices.map { Run(name: run.name.isEmpty ? $0.name : "\(run.name),\($0.name)", flags: run.flags + $0.flags) }
      }
    }
    for run in runs { try check(run.name) }
    return runs
  }

  /// A flag, and what each of its values is called and gives.
  private static func choices(_ json: JSONValue) throws(Problem) -> (flag: String, choices: [Run]) {
    let members = try members(json, allowed: ["flag", "values"], of: "a part of the grid")
    guard let flag = members["flag"]?.string, flag.hasPrefix("--"), !flag.contains("=") else {
      throw Problem(message: "has a part of the grid without a \"flag\", such as \"--lora\"")
    }
    try check(flags: [flag], of: "grid")
    var choices: [Run] = []
    for value in try list(members["values"], "values") {
      let name = "\(flag.dropFirst(2))="
      switch value {
      case .null: choices.append(Run(name: name + "none", flags: []))
      case .bool(let isGiven): choices.append(Run(name: name + "\(isGiven)", flags: isGiven ? [flag] : []))
      default:
        guard let text = try text(of: value) else {
          throw Problem(message: "has a value of \(flag) that is no text, number, true, false or null")
        }
        choices.append(Run(name: name + text, flags: [flag, text]))
      }
    }
    guard !choices.isEmpty else { throw Problem(message: "has no \"values\" of \(flag)") }
    return (flag, choices)
  }

  // MARK: JSON

  private static func members(
    _ json: JSONValue, allowed: Set<String>, of what: String
  ) throws(Problem) -> [String: JSONValue] {
    let known = allowed.sorted().map { "\"\($0)\"" }.joined(separator: " and ")
    guard let members = json.object else {
      throw Problem(message: "has something else where \(what) should be: an object of \(known)")
    }
    if let other = members.keys.sorted().first(where: { !allowed.contains($0) }) {
      throw Problem(message: "has \"\(other)\" in \(what), which may have \(known)")
    }
    return members
  }

  /// Empty when there is none.
  private static func list(_ json: JSONValue?, _ name: String) throws(Problem) -> [JSONValue] {
    guard let json else { return [] }
    guard let list = json.array else { throw Problem(message: "has \"\(name)\", which is no list") }
    return list
  }

  /// As it would be typed.
  private static func text(of json: JSONValue) throws(Problem) -> String? {
    guard let number = json.number else { return json.string }
    // Read as a double, a longer one would be another number.
    guard number.magnitude < 0x1p53 || number != number.rounded() else {
      throw Problem(message: "has a whole number of 2^53 or more, which is not read to the digit; write it as a text")
    }
    return Int(exactly: number).map(String.init) ?? "\(number)"
  }
}
