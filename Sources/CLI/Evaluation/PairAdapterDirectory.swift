// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Models
import Training

/// Where the LoRA of the method `yes-no` is, or goes: a directory that holds nothing else, so that none of what a checkpoint, a data set or
/// an LLM is read from changes.
struct PairAdapterDirectory: Sendable {
  let path: String
  /// What the user asked for by flags.
  let given: PairAnswersOptions.Given

  /// What the LoRA that is there was trained with; nil where one is to be trained.
  ///
  /// - Throws: for anything that is neither an empty place nor a LoRA that answers as this one would.
  func notes() throws -> AnswerAdapterNotes? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    try InputFile.requireDirectory(path, what: "of --pair-adapter")
    let names = try contents()
    let others = names.filter { !AnswerAdapterNotes.fileNames.contains($0) }
    guard others.isEmpty else {
      throw CLIError(
        .invalidInput,
        "--pair-adapter \(path): it holds \(others.prefix(4).joined(separator: ", "))\(others.count > 4 ? ", …" : ""), and a LoRA that "
          + "answers has a directory of its own; give one that does not exist yet, or one that --pair-adapter wrote")
    }
    guard !names.isEmpty else { return nil }
    guard let missing = AnswerAdapterNotes.fileNames.first(where: { !names.contains($0) }) else {
      let notes = try AnswerAdapterNotes(in: path, trainedAs: PairTraining.purpose)
      try requireGiven(of: notes)
      return notes
    }
    throw CLIError(
      .invalidInput,
      "--pair-adapter \(path): it holds \(names.joined(separator: ", ")) without \(missing); put that back, or empty the directory to train "
        + "anew")
  }

  private func contents() throws(CLIError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    } catch {
      throw CLIError(.fileAccess, "\(path): the directory cannot be read: \(ErrorText.of(error))", cause: error)
    }
  }

  /// A flag that was given says what the answers are to come from.
  private func requireGiven(of notes: AnswerAdapterNotes) throws(CLIError) {
    let differences = given.differences(from: notes)
    guard !differences.isEmpty else { return }
    throw CLIError(
      .invalidInput,
      "the LoRA of \(path) was trained with other settings: \(differences.joined(separator: "; ")). Leave the flags out to read it, or "
        + "give another directory to train one")
  }
}
