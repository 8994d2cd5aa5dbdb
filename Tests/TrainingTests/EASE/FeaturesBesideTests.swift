// SPDX-License-Identifier: Apache-2.0

import Models
import Testing

@testable import Training

@Suite("Features of two kinds stand beside each other") struct FeaturesBesideTests {
  @Test func `The second kind is scaled to the first`() {
    let first = Matrix(rows: 3, columns: 1, values: [3, -3, .nan])
    let second = Matrix(rows: 3, columns: 2, values: [1, 0, 0, -1, .nan, .nan])
    let both = first.beside(second)
    // Mean squares 9 and 1/2.
    let scale = Float(18).squareRoot()
    #expect(both.rows == 3 && both.columns == 3)
    #expect(Array(both[row: 0]) == [3, scale, 0] && Array(both[row: 1]) == [-3, 0, -scale])
    #expect(both[row: 2].allSatisfy { $0.isNaN })
  }

  @Test func `Features of zero stay zero`() {
    let both = Matrix(rows: 1, columns: 1, values: [2]).beside(Matrix(rows: 1, columns: 1, values: [0]))
    #expect(both.values == [2, 0])
  }
}
