// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Models
import TestSupport

/// A tiny random checkpoint on disk, made once for all tests that only read it.
enum SyntheticModels {
  static let directory: Result<TemporaryDirectory, any Error> = Result {
    let directory = try TemporaryDirectory()
    try SyntheticCheckpoint.write(to: directory.path, shape: .tiny, seed: 7, text: titles)
    return directory
  }

  static let titles = ["red lamp", "blue chair", "kettle 1.5 l", "wool scarf, striped", "The Big Puzzle: 1,000 pieces"]

  static func location() throws -> CheckpointLocation { CheckpointLocation(directory: try directory.get().path) }

  /// A copy that a test may damage.
  static func copy() throws -> (directory: TemporaryDirectory, location: CheckpointLocation) {
    let copy = try TemporaryDirectory()
    let path = copy.path + "/checkpoint"
    try FileManager.default.copyItem(atPath: try directory.get().path, toPath: path)
    return (copy, CheckpointLocation(directory: path))
  }

  /// Rewrites a safetensors file with its tensors changed.
  static func rewrite(
    _ path: String, _ change: (inout [SafetensorsWriter.Tensor]) -> Void
  ) throws {
    var tensors = try SafetensorsFile(path: path).tensors.map { stored in
      SafetensorsWriter.Tensor(
        stored.name, shape: stored.shape, values: stored.load(shape: stored.shape, on: .init(threads: 1)).values)
    }
    change(&tensors)
    try SafetensorsWriter.write(tensors, to: path)
  }

  /// Changes keys of a JSON object; nil removes one.
  static func rewriteJSON(_ path: String, _ changes: [String: Any?]) throws {
    let data = try Data(contentsOf: URL(filePath: path))
    var object = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    for (key, value) in changes { object[key] = value }
    try JSONSerialization.data(withJSONObject: object).write(to: URL(filePath: path))
  }
}
