// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Glibc

/// A CSV file of numbers, a line per step. A run that goes on keeps the lines up to where it goes on.
struct ValueLog {
  private let path: String
  private let columns: [String]
  private var file: FileHandle?

  init(_ path: String, columns: [String]) {
    self.path = path
    self.columns = columns
  }

  /// - Parameter step: lines of later steps are dropped.
  mutating func open(upTo step: Int) throws(TrainingError) {
    let old = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    let kept = old.split(separator: "\n").dropFirst().filter { line in
      line.split(separator: ",").first.flatMap { Int($0) }.map { $0 <= step } ?? false
    }
    let text = ([columns.joined(separator: ",")] + kept.map(String.init)).joined(separator: "\n") + "\n"
    let new = try DurableFile(path)
    try new.write(Array(text.utf8))
    try new.commit()
    guard let file = FileHandle(forWritingAtPath: path) else {
      throw TrainingError.unwritable(path, SystemCallError("open", path, errno: errno))
    }
    self.file = file
    _ = try? file.seekToEnd()
  }

  /// - Parameter values: as many as columns, the step first.
  func append(_ values: [Double]) throws(TrainingError) {
    let step = Int(values[0])
    let line = (["\(step)"] + values.dropFirst().map { "\($0)" }).joined(separator: ",") + "\n"
    do {
      try file?.write(contentsOf: Data(line.utf8))
    } catch {
      throw TrainingError(.unwritable, "\(path) cannot be written; check the space left", cause: error)
    }
  }
}
