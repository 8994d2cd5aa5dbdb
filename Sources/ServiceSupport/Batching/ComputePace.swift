// SPDX-License-Identifier: Apache-2.0

/// How long the compute thread takes for a batch, as its last batches tell: what every batch takes, and what each unit of its cost
/// takes beside that.
///
/// A straight line through the batches' costs and seconds by least squares, where older batches count less. The part that every
/// batch takes is held towards zero: batches of one size cannot tell the two parts apart, and then the cost is taken to explain all.
/// A line, not a quotient: prompts that were found in a cache cost next to nothing and still take their while, and would make every
/// other look endless.
struct ComputePace: Sendable {
  /// What a batch counts once the next has been computed.
  private static let memory = 0.8
  /// A batch counts as having taken at most so many times what was expected of it: one that the machine held up says little of the
  /// next, and if it does, the next ones say it too.
  private static let outlier = 8.0
  /// How many batches that took no time at no cost the line goes through, for each one that it is drawn through.
  private static let pull = 1.0 / 16

  private var batches = 0.0
  private var costs = 0.0
  private var seconds = 0.0
  /// Of costs with themselves, and with seconds.
  private var squares = 0.0
  private var products = 0.0
  private var line: (perBatch: Double, perCost: Double)?

  mutating func note(cost: Int, in duration: Duration) {
    guard cost > 0 else { return }
    let cost = Double(cost)
    let measured = duration / .seconds(1)
    let sample = expected(ofBatch: cost).map { min(measured, Self.outlier * max($0, 0.001)) } ?? measured
    batches = Self.memory * batches + 1
    costs = Self.memory * costs + cost
    seconds = Self.memory * seconds + sample
    squares = Self.memory * squares + cost * cost
    products = Self.memory * products + cost * sample
    line = fitted()
  }

  /// How long work of this cost takes, computed in batches of `maxBatchCost`; nil before anything was measured.
  func duration(of cost: Int, inBatchesOf maxBatchCost: Int) -> Duration? {
    guard let line else { return nil }
    let batches = (Double(cost) / Double(maxBatchCost)).rounded(.up)
    return .seconds(batches * line.perBatch + Double(cost) * line.perCost)
  }

  private func expected(ofBatch cost: Double) -> Double? { line.map { $0.perBatch + cost * $0.perCost } }

  private func fitted() -> (perBatch: Double, perCost: Double) {
    let pulled = batches * (1 + Self.pull)
    let determinant = pulled * squares - costs * costs
    let perBatch = (seconds * squares - costs * products) / determinant
    let perCost = (pulled * products - costs * seconds) / determinant
    if perCost < 0 { return (seconds / batches, 0) }
    if perBatch < 0 { return (0, seconds / costs) }
    return (perBatch, perCost)
  }
}
