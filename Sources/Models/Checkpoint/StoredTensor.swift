// SPDX-License-Identifier: Apache-2.0

package import Kernels

/// How a file stores the elements of a tensor.
package enum ElementType: Sendable, Equatable {
  case float32
  case float16
  case bfloat16
  case float64
  /// Quantised blocks of neighbours in a row.
  case blocks(BlockFormat)
  /// A type that files may hold and models do not read, such as integers; by the file's own name for it. The size is 0 where it
  /// is not known.
  case other(name: String, size: Int)

  /// Bytes of one element; 0 for blocks, whose elements share bytes.
  package var size: Int {
    switch self {
    case .float32: 4
    case .float16, .bfloat16: 2
    case .float64: 8
    case .blocks: 0
    case .other(_, let size): size
    }
  }

  /// What matrices are packed from as they lie there; nil for 64-bit floats and blocks, which become 32-bit floats first, and for
  /// `.other`.
  var stored: StoredElement? {
    switch self {
    case .float32: .float32
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .float64, .blocks, .other: nil
    }
  }

  /// For messages: those that weights may have.
  static var readNames: String {
    "F32, F16, BF16, F64 or \(BlockFormat.allCases.map(\.rawValue).joined(separator: ", "))"
  }

  package var name: String {
    switch self {
    case .float32: "F32"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .float64: "F64"
    case .blocks(let format): format.rawValue
    case .other(let name, _): name
    }
  }
}

/// A tensor as it lies in a file. Its place was checked: every element is inside the file.
package struct StoredTensor: Sendable {
  package let name: String
  package let type: ElementType
  package let shape: [Int]
  /// Elements between neighbours of each dimension; row-major order when nil.
  let strides: [Int]?
  /// Of the first element, from the start of the file.
  let offset: Int
  package let file: CheckpointFile
  /// Which row of the file is which row of `shape`; the same one when nil.
  var rowOrder: RowOrder?

  /// Elements.
  package var count: Int { shape.reduce(1, *) }
  /// Bytes of the elements.
  package var byteCount: Int {
    if case .blocks(let format) = type { format.byteCount(of: count) } else { count * type.size }
  }
}

/// Rows of heads as llama.cpp keeps them: those that are rotated together, a half of the head apart, lie side by side.
struct RowOrder: Sendable, Equatable {
  /// Rows of a head, an even number.
  let headWidth: Int

  /// Where row `row` lies.
  func place(of row: Int) -> Int {
    let (head, inside) = row.quotientAndRemainder(dividingBy: headWidth)
    let half = headWidth / 2
    return head * headWidth + inside % half * 2 + inside / half
  }
}

extension StoredTensor {
  /// Product of `shape`, or nil when a dimension is negative or the product does not fit.
  static func elementCount(_ shape: [Int]) -> Int? {
    var count = 1
    for extent in shape {
      guard extent >= 0 else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow else { return nil }
      count = product
    }
    return count
  }
}
