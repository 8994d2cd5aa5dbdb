import ArgumentParser
import Models

/// A file with one feature for each item of a dataset, and the space that it is for: `cf=sasrec.safetensors`.
struct FeatureFile: ExpressibleByArgument, Sendable {
  let space: Space
  let path: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, !parts[1].isEmpty,
      let space = Space.allCases.first(where: { parts[0] == $0.checkpointName || parts[0] == "\($0)" })
    else { return nil }
    self.space = space
    path = parts[1]
  }

  /// The features, one row per item in the dataset's order; a row that holds a NaN is an item without one.
  func rows(items: Int) throws -> [[Float]?] {
    let matrix = try Matrix(features: path)
    guard matrix.rows == items else {
      throw CLIError(
        .invalidInput, "\(path) has \(matrix.rows) features for a dataset of \(items) items; one row per item is read")
    }
    return (0..<items).map { item in
      let row = matrix[row: item]
      return row.contains(where: \.isNaN) ? nil : Array(row)
    }
  }
}
