// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// What is said of a checkpoint by its name, `compact=run/checkpoint`, or without one.
struct CheckpointArgument<Value: ExpressibleByArgument & Sendable>: ExpressibleByArgument, Sendable {
  /// Nil where none was given: of the only checkpoint, or of all.
  let name: String?
  let value: Value

  /// A path may have an equals sign in it; a name has no slash.
  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let isNamed = parts.count == 2 && !parts[0].isEmpty && !parts[0].contains(where: { "/:,".contains($0) })
    guard let value = Value(argument: isNamed ? parts[1] : argument), !argument.isEmpty, !isNamed || !parts[1].isEmpty
    else { return nil }
    name = isNamed ? parts[0] : nil
    self.value = value
  }
}
