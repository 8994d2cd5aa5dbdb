// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Models

struct ModelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "Look into a checkpoint.", subcommands: [ModelInspectCommand.self])
}

struct ModelInspectCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Say what a checkpoint is, and every problem that keeps it from being served.",
    discussion: """
      Reads the checkpoint as the services do: every file's structure, every tensor's name, shape and type, and whether \
      its weights are finite. Exits with 1 when a service would refuse it.

      Example:
        illmrec model inspect checkpoint/ --llm-weights Sheared-LLaMA-2.7B/
      """)

  @Argument(help: "The checkpoint's directory.", transform: NonEmpty.text)
  var checkpoint: String
  @Option(
    help: ArgumentHelp(
      "The frozen LLM, a directory or a GGUF file, when it is not in llm/ of the checkpoint.", valueName: "path"),
    transform: NonEmpty.text)
  var llmWeights: String?
  @Flag(help: "Only list the files; load nothing.")
  var listOnly = false
  @Flag(help: "List every tensor.")
  var tensors = false
  @Flag(help: "Print JSON instead of tables.")
  var json = false

  func perform() async throws {
    try InputFile.requireDirectory(checkpoint, what: "the checkpoint")
    if let llmWeights { try InputFile.requireAny(llmWeights, what: "--llm-weights") }
    let location = CheckpointLocation(directory: checkpoint, llmWeights: llmWeights)
    let inspection = CheckpointInspection(location, loading: !listOnly)
    if json {
      try inspection.writeJSON(listsTensors: tensors)
    } else {
      inspection.write(to: .standardOutput, listsTensors: tensors)
    }
    let count = inspection.problems.count
    if count > 0 {
      throw CLIError(.invalidInput, "\(checkpoint) cannot be served: \(count == 1 ? "1 problem" : "\(count) problems")")
    }
  }
}
