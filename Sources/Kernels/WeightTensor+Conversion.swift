// SPDX-License-Identifier: Apache-2.0

import CKernels

extension WeightTensor {
  /// Widens bfloat16 values: little-endian, 2-byte aligned, as many as `shape` has elements.
  package convenience init(shape: [Int], bfloat16 source: UnsafePointer<UInt16>, on team: ComputeTeam) {
    self.init(shape: shape) { memory in
      guard let base = memory.baseAddress else { return }
      illmrec_from_bf16(team.handle, source, memory.count, base)
    }
  }

  /// Widens IEEE 754 binary16 values: little-endian, 2-byte aligned, as many as `shape` has elements.
  package convenience init(shape: [Int], float16 source: UnsafePointer<UInt16>, on team: ComputeTeam) {
    self.init(shape: shape) { memory in
      guard let base = memory.baseAddress else { return }
      illmrec_from_f16(team.handle, source, memory.count, base)
    }
  }
}
