// SPDX-License-Identifier: Apache-2.0

import Kernels

/// How ggml stores the elements of a tensor.
///
/// - Source: `ggml_type` and `GGML_QUANT_SIZES` of PyPI's gguf 0.19.
struct GGUFTensorType: Sendable {
  let type: ElementType
  /// Elements that share a block; a row has a whole number of blocks.
  let blockElements: Int
  let blockBytes: Int

  /// Nil for a number that no type has.
  init?(number: UInt32) {
    switch number {
    case 0: self.init(.float32)
    case 1: self.init(.float16)
    case 30: self.init(.bfloat16)
    case 28: self.init(.float64)
    case 8: self.init(.q80)
    case 2: self.init(.q40)
    case 3: self.init(.q41)
    case 12: self.init(.q4K)
    case 14: self.init(.q6K)
    default:
      guard let other = Self.others[number] else { return nil }
      // Its elements share bytes: what it takes is known here alone.
      self.init(.other(name: other.name, size: 0), elements: other.elements, bytes: other.bytes)
    }
  }

  private init(_ type: ElementType, elements: Int, bytes: Int) {
    (self.type, blockElements, blockBytes) = (type, elements, bytes)
  }

  private init(_ type: ElementType) { self.init(type, elements: 1, bytes: type.size) }

  private init(_ format: BlockFormat) {
    self.init(.blocks(format), elements: format.elements, bytes: format.bytes)
  }

  private static let others: [UInt32: (name: String, elements: Int, bytes: Int)] = [
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 9: ("Q8_1", 32, 40), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    13: ("Q5_K", 256, 176), 15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4),
    27: ("I64", 1, 8), 29: ("IQ1_M", 256, 56), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
  ]
}
