// SPDX-License-Identifier: Apache-2.0

/// How one product looks.
struct ProductStyle: Sendable {
  let base: Colour
  let pattern: Pattern
  /// 0...1, moves the proportions so that no two drawings are the same.
  let variant: Double

  /// Light colours carry a darker figure, dark ones a lighter.
  var accent: Colour { isLight ? base.darker(0.38) : base.lighter(0.62) }
  var deep: Colour { base.darker(0.28) }
  var isLight: Bool { 0.3 * base.red + 0.59 * base.green + 0.11 * base.blue > 0.72 }

  /// The product's main surface.
  func surface(scale: Double = 1) -> Paint { .pattern(pattern, base: base, accent: accent, scale: scale) }

  /// A value between `low` and `high`, by the variant.
  func between(_ low: Double, _ high: Double) -> Double { low + (high - low) * variant }
}

/// Materials that several products share.
enum Material {
  static let brass = Colour(0xC9A227)
  static let steel = Colour(0xA9B0B8)
  static let oak = Colour(0xB98552)
  static let ink = Colour(0x2B2D33)
  static let paper = Colour(0xFAF6EE)
  static let leaf = Colour(0x5C8A58)
}

extension Canvas {
  /// A plain backdrop with a soft floor.
  init(backdropFor style: ProductStyle, size: Int) {
    let tint = Colour(0xF6F2EC).mixed(with: style.base.lighter(0.6), 0.22)
    self.init(size: size, background: .gradient(tint.lighter(0.55), at: Point(50, 0), tint, at: Point(50, 100)))
    fill(
      .rectangle(0, 82, 100, 18),
      .gradient(tint.darker(0.035), at: Point(50, 82), tint.darker(0.01), at: Point(50, 100)))
  }

  /// The shadow under something that stands on the floor.
  mutating func shadow(under centre: Point, width: Double) {
    fill(
      .ellipse(centre, width, width * 0.13),
      .radial(
        Colour.black.opacity(0.26), Colour.black.opacity(0), centre: centre, radiusX: width, radiusY: width * 0.13))
  }

  /// Fills `path`, then lays light from the left over it.
  mutating func body(_ path: Path, _ paint: Paint, from left: Double, to right: Double) {
    fill(path, paint)
    let middle = left + (right - left) * 0.42
    fill(path, .gradient(Colour.white.opacity(0.2), at: Point(left, 0), Colour.white.opacity(0), at: Point(middle, 0)))
    fill(path, .gradient(Colour.black.opacity(0), at: Point(middle, 0), Colour.black.opacity(0.2), at: Point(right, 0)))
  }
}
