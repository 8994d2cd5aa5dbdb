/// Repeatable values for tests: a 64-bit linear congruential generator (Knuth's MMIX constants).
struct RandomValues {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt32 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt32(truncatingIfNeeded: state >> 32)
  }

  /// Uniform in [-1, 1).
  mutating func uniform() -> Float { Float(Int32(bitPattern: next())) / 2_147_483_648 }

  mutating func uniform(_ count: Int, scale: Float = 1) -> [Float] { (0..<count).map { _ in uniform() * scale } }
}

/// Largest absolute difference over the largest absolute expected value.
func relativeError(_ found: [Float], _ expected: [Float]) -> Float {
  guard found.count == expected.count else { return .infinity }
  let largest = expected.map(abs).max() ?? 0
  let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
  if difference.isNaN { return .infinity }
  return largest == 0 ? difference : difference / largest
}
