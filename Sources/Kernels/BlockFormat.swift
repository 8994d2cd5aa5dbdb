// SPDX-License-Identifier: Apache-2.0

import CKernels

/// How ggml stores quantised weights: blocks of neighbours that share scales.
package enum BlockFormat: String, Sendable, CaseIterable {
  case q80 = "Q8_0"
  case q40 = "Q4_0"
  case q41 = "Q4_1"
  case q4K = "Q4_K"
  case q6K = "Q6_K"

  /// Elements of one block.
  package var elements: Int {
    switch self {
    case .q80, .q40, .q41: 32
    case .q4K, .q6K: 256
    }
  }

  /// Bytes of one block.
  package var bytes: Int {
    switch self {
    case .q80: 34
    case .q40: 18
    case .q41: 20
    case .q4K: 144
    case .q6K: 210
    }
  }

  /// - Parameter count: of elements, whole blocks.
  package func byteCount(of count: Int) -> Int { count / elements * bytes }

  var constant: illmrec_block_format {
    switch self {
    case .q80: ILLMREC_BLOCKS_Q8_0
    case .q40: ILLMREC_BLOCKS_Q4_0
    case .q41: ILLMREC_BLOCKS_Q4_1
    case .q4K: ILLMREC_BLOCKS_Q4_K
    case .q6K: ILLMREC_BLOCKS_Q6_K
    }
  }
}

extension WeightTensor {
  /// Widens quantised blocks, to the bit as ggml does.
  ///
  /// - Parameter source: whole blocks, at any address, of as many elements as `shape` has.
  package convenience init(shape: [Int], blocks source: UnsafeRawPointer, of format: BlockFormat, on team: ComputeTeam)
  {
    precondition(shape.reduce(1, *) % format.elements == 0)
    self.init(shape: shape) { memory in
      guard let base = memory.baseAddress else { return }
      illmrec_from_blocks(team.handle, format.constant, source, memory.count / format.elements, base)
    }
  }
}
