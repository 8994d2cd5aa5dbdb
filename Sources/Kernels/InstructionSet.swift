// SPDX-License-Identifier: Apache-2.0

import CKernels

/// An instruction set that kernels are written for.
package enum InstructionSet: Sendable, CaseIterable {
  case portable
  case avx2
  case avx512

  /// Those that this machine has.
  package static var supported: [InstructionSet] { allCases.filter(\.isSupported) }

  /// Whether this machine has it.
  package var isSupported: Bool { illmrec_isa_supported(constant) }

  var constant: illmrec_isa {
    switch self {
    case .portable: ILLMREC_ISA_PORTABLE
    case .avx2: ILLMREC_ISA_AVX2
    case .avx512: ILLMREC_ISA_AVX512
    }
  }

  /// The machine's best when nil; otherwise one that it has.
  static func constant(of instructionSet: InstructionSet?) -> illmrec_isa {
    guard let instructionSet else { return ILLMREC_ISA_BEST }
    precondition(instructionSet.isSupported, "this machine does not run \(instructionSet)")
    return instructionSet.constant
  }
}
