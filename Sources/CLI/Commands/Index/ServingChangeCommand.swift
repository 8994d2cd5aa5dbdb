// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// A command that asks for a change of what serves an index, and shows what became of it.
protocol ServingChangeCommand: ReportingCommand, Sendable {
  var options: IndexOptions { get }
  var change: ChangeOptions { get }

  func ask(
    _ admin: IndexAdmin, of index: String, _ change: Retrieval_Change
  ) async throws -> Retrieval_ServingState

  /// Shows people what serves now: the rollout, unless the command says something else.
  func show(_ serving: Retrieval_ServingState) throws
}

extension ServingChangeCommand {
  func perform() async throws {
    let serving = try await options.withAdmin { try await ask($0, of: options.index, change.change) }
    if options.json { return try JSONOutput.write(serving) }
    try show(serving)
  }

  func show(_ serving: Retrieval_ServingState) throws { RolloutView(serving, nil).write(to: .standardOutput) }
}
