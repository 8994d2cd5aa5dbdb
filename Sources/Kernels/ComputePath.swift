// SPDX-License-Identifier: Apache-2.0

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

  /// How fast one thread is on a path.
  package struct Trial: Sendable {
    package let path: ComputePath
    /// GFLOP/s.
    package let speed: Double
  }

  /// The best of this machine for `precision`; nil for float32, which the BLAS library multiplies.
  ///
  /// Found by trials, since the same instruction differs between processors: products of bfloat16 pairs have twice the speed
  /// of 32-bit products on some and half of it on others.
  package static func best(for precision: Precision) -> ComputePath? {
    trials(for: precision).max { $0.merit < $1.merit }?.path
  }

  /// Every path that the machine has, tried for a millisecond each when they are first asked for; fastest first.
  package static func trials(for precision: Precision) -> [Trial] {
    switch precision {
    case .float32: []
    case .bfloat16: bfloat16Trials
    case .int8: int8Trials
    }
  }

  private static let bfloat16Trials = run(for: .bfloat16)
  private static let int8Trials = run(for: .int8)

  private static func run(for precision: Precision) -> [Trial] {
    guard let format = precision.packedFormat else { return [] }
    return allCases.filter { $0.isSupported(for: precision) }
      .map { Trial(path: $0, speed: illmrec_path_speed(format, $0.constant)) }
      .sorted { $0.speed > $1.speed }
  }

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

extension ComputePath.Trial {
  /// A path that rounds the rows too must be clearly faster to be worth it, and not just by a trial's chance.
  fileprivate var merit: Double { path == .avx512BF16 ? speed / 1.25 : speed }
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
