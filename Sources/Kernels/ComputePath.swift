import CKernels

/// The instructions that multiply packed matrices.
package enum ComputePath: String, Sendable, CaseIterable {
  /// Plain C, on every processor.
  case portable
  /// Weights are widened in registers and multiplied in 32 bits, or in 16 where they are int8.
  case avx2
  /// int8 alone: the 256-bit form of VNNI.
  case avxVNNI = "avx-vnni"
  /// bfloat16 is widened in registers and multiplied in 32 bits; int8 by VNNI.
  case avx512
  /// bfloat16 alone: products of bfloat16 pairs, for which the rows are rounded too.
  case avx512BF16 = "avx512-bf16"

  /// Whether this machine multiplies matrices of `precision` this way.
  package func isSupported(for precision: Precision) -> Bool {
    guard let format = precision.packedFormat else { return false }
    return illmrec_path_supported(format, constant)
  }

  /// The fastest of this machine for `precision`, found by trying each for a millisecond when it is first asked for; nil
  /// for float32, which the BLAS library multiplies.
  package static func fastest(for precision: Precision) -> ComputePath? {
    switch precision {
    case .float32: nil
    case .bfloat16: fastestBFloat16
    case .int8: fastestInt8
    }
  }

  /// GFLOP/s of one thread, on each path that the machine has; most first. Each takes about a millisecond.
  package static func speeds(for precision: Precision) -> [(path: ComputePath, speed: Double)] {
    guard let format = precision.packedFormat else { return [] }
    return allCases.filter { $0.isSupported(for: precision) }
      .map { (path: $0, speed: illmrec_path_speed(format, $0.constant)) }
      .sorted { $0.speed > $1.speed }
  }

  private static let fastestBFloat16 = speeds(for: .bfloat16).first?.path
  private static let fastestInt8 = speeds(for: .int8).first?.path

  var constant: illmrec_path {
    switch self {
    case .portable: ILLMREC_PATH_PORTABLE
    case .avx2: ILLMREC_PATH_AVX2
    case .avxVNNI: ILLMREC_PATH_AVX_VNNI
    case .avx512: ILLMREC_PATH_AVX512
    case .avx512BF16: ILLMREC_PATH_AVX512_BF16
    }
  }
}

extension Precision {
  /// Nil where matrices are not packed.
  var packedFormat: illmrec_packed_format? {
    switch self {
    case .float32: nil
    case .bfloat16: ILLMREC_PACKED_BFLOAT16
    case .int8: ILLMREC_PACKED_INT8
    }
  }
}
