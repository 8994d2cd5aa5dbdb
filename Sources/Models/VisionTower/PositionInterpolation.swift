// SPDX-License-Identifier: Apache-2.0

/// Position embeddings of a square grid of patches, for images of another size: bicubic interpolation, as PyTorch's
/// `interpolate(size:, mode: "bicubic", align_corners: false)` does it for transformers' DINOv2 from version 4.45 on.
///
/// - Source: Keys 1981; a = -0.75, and with `antialias` a = -0.5 over a support that grows with the reduction.
struct PositionInterpolation {
  /// What a new row or column is made of.
  private struct Tap {
    let index: Int
    let weight: Float
  }

  private let source: Int
  private let target: Int
  private let taps: [[Tap]]

  /// - Parameters:
  ///   - source: patches across the trained grid.
  ///   - target: patches across the new one.
  init(from source: Int, to target: Int, antialiases: Bool) {
    self.source = source
    self.target = target
    let scale = Float(source) / Float(target)
    taps = (0..<target).map { antialiases ? Self.averaged($0, scale, source) : Self.interpolated($0, scale, source) }
  }

  /// - Parameter values: [source², D], row by row.
  /// - Returns: [target², D]; the values themselves where the grids are equal.
  func rows(_ values: [Float], width: Int) -> [Float] {
    guard source != target else { return values }
    let across = (0..<source).flatMap { row in
      taps.flatMap { Self.sum($0, values, width) { (row * source + $0) * width } }
    }
    return taps.flatMap { taps in
      (0..<target).flatMap { column in Self.sum(taps, across, width) { ($0 * target + column) * width } }
    }
  }

  private static func sum(_ taps: [Tap], _ values: [Float], _ width: Int, _ offset: (Int) -> Int) -> [Float] {
    var sums = [Float](repeating: 0, count: width)
    for tap in taps {
      let start = offset(tap.index)
      for c in 0..<width { sums[c] += tap.weight * values[start + c] }
    }
    return sums
  }

  private static func interpolated(_ index: Int, _ scale: Float, _ source: Int) -> [Tap] {
    let position = scale * (Float(index) + 0.5) - 0.5
    let floor = position.rounded(.down)
    return (-1...2).map { step in
      Tap(
        index: min(max(Int(floor) + step, 0), source - 1),
        weight: cubic(position - floor - Float(step), a: -0.75))
    }
  }

  private static func averaged(_ index: Int, _ scale: Float, _ source: Int) -> [Tap] {
    let reduction = max(scale, 1)
    let (centre, support) = (scale * (Float(index) + 0.5), 2 * reduction)
    let first = max(Int(centre - support + 0.5), 0)
    let last = min(Int(centre + support + 0.5), source)
    let weights = (first..<last).map { cubic((Float($0) - centre + 0.5) / reduction, a: -0.5) }
    let total = weights.reduce(0, +)
    return zip(first..<last, weights).map { Tap(index: $0, weight: $1 / total) }
  }

  private static func cubic(_ x: Float, a: Float) -> Float {
    let x = abs(x)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return ((x - 5) * x + 8) * x * a - 4 * a }
    return 0
  }
}
