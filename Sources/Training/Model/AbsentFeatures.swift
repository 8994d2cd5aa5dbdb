// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models

/// Learned stand-ins for features that an item lacks, where soft tokens are made of several.
///
/// In what the adaptor reads, a feature that an item lacks is NaN from its first element to its last.
struct AbsentFeatures {
  /// Where a feature stands in what the adaptor reads, and what stands for it.
  private struct Block {
    let elements: Range<Int>
    let standIn: Parameter  // [width]
  }

  /// Empty where an item without the one feature has no soft token.
  private let blocks: [Block]
  private let width: Int

  init(_ recModule: [Parameter], _ layout: SoftTokenLayout) {
    var blocks: [Block] = []
    for feature in layout.features where layout.allowsAbsence {
      guard let standIn = recModule.first(where: { $0.name == SoftTokenLayout.absent(feature) }) else { continue }
      let start = blocks.last?.elements.upperBound ?? 0
      blocks.append(Block(elements: start..<start + standIn.count, standIn: standIn))
    }
    self.blocks = blocks
    width = blocks.last?.elements.upperBound ?? 0
  }

  /// Begins with the mean of the features that are there: in a fitted start an absent one then says nothing.
  func fit(to tokens: FeatureTable) {
    for block in blocks {
      let known = tokens.rows.filter { !$0.isEmpty && !$0[block.elements.lowerBound].isNaN }
      guard !known.isEmpty else { continue }
      for (place, element) in block.elements.enumerated() {
        block.standIn.values[place] = Float(known.reduce(0.0) { $0 + Double($1[element]) } / Double(known.count))
      }
    }
  }

  /// Rows, one after the other, with the stand-ins where features are absent.
  func filled(_ rows: [Float]) -> [Float] {
    guard !blocks.isEmpty else { return rows }
    var rows = rows
    for start in stride(from: 0, to: rows.count, by: width) {
      for block in blocks where rows[start + block.elements.lowerBound].isNaN {
        for (place, element) in block.elements.enumerated() { rows[start + element] = block.standIn.values[place] }
      }
    }
    return rows
  }

  /// Whether one of the rows lacks a feature.
  func isIn(_ rows: [[Float]]) -> Bool {
    rows.contains { row in blocks.contains { row[$0.elements.lowerBound].isNaN } }
  }

  /// Adds the loss's gradient by what the adaptor read, where that was a stand-in.
  ///
  /// - Parameter dinputs: a row for each of `rows`.
  func addGradient(_ dinputs: borrowing Activations, of rows: [[Float]]) {
    for (index, row) in rows.enumerated() {
      let absent = blocks.filter { row[$0.elements.lowerBound].isNaN }
      guard !absent.isEmpty else { continue }
      let gradient = dinputs[row: index]
      for block in absent {
        for (place, element) in block.elements.enumerated() { block.standIn.gradient[place] += gradient[element] }
      }
    }
  }
}
