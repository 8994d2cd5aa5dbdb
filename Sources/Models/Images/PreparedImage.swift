// SPDX-License-Identifier: Apache-2.0

/// An image as the vision tower reads it.
package struct PreparedImage: Sendable, Equatable {
  /// Rows.
  package let height: Int
  /// Columns.
  package let width: Int
  /// [3, height, width], normalised.
  package let values: [Float]

  /// - Precondition: `values` holds 3 · height · width elements.
  package init(height: Int, width: Int, values: [Float]) {
    precondition(values.count == 3 * height * width)
    self.height = height
    self.width = width
    self.values = values
  }
}
