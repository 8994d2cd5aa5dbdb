// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A colour with opacity, components 0...1.
struct Colour: Sendable, Equatable {
  var red: Float
  var green: Float
  var blue: Float
  var alpha: Float = 1

  static let white = Colour(red: 1, green: 1, blue: 1)
  static let black = Colour(red: 0, green: 0, blue: 0)

  init(red: Float, green: Float, blue: Float, alpha: Float = 1) {
    self.red = red
    self.green = green
    self.blue = blue
    self.alpha = alpha
  }

  /// 0xRRGGBB
  init(_ hex: UInt32) {
    self.init(
      red: Float(hex >> 16 & 255) / 255, green: Float(hex >> 8 & 255) / 255, blue: Float(hex & 255) / 255)
  }

  func mixed(with other: Colour, _ share: Float) -> Colour {
    Colour(
      red: red + (other.red - red) * share, green: green + (other.green - green) * share,
      blue: blue + (other.blue - blue) * share, alpha: alpha + (other.alpha - alpha) * share)
  }

  func lighter(_ share: Float) -> Colour { mixed(with: .white, share) }
  func darker(_ share: Float) -> Colour { mixed(with: .black, share) }

  func opacity(_ alpha: Float) -> Colour { Colour(red: red, green: green, blue: blue, alpha: alpha) }
}

/// What a filled area is coloured with: a colour for every point of the drawing plane.
struct Paint {
  let colour: (Point) -> Colour

  static func solid(_ colour: Colour) -> Paint { Paint { _ in colour } }

  /// From `start` at `a` to `end` at `b`, level beyond them.
  static func gradient(_ start: Colour, at a: Point, _ end: Colour, at b: Point) -> Paint {
    let d = b - a
    let length = d.x * d.x + d.y * d.y
    return Paint { point in
      let t = ((point.x - a.x) * d.x + (point.y - a.y) * d.y) / length
      return start.mixed(with: end, Float(min(max(t, 0), 1)))
    }
  }

  /// From `inner` in the centre to `outer` at the ellipse's rim and beyond.
  static func radial(_ inner: Colour, _ outer: Colour, centre: Point, radiusX: Double, radiusY: Double) -> Paint {
    Paint { point in
      let x = (point.x - centre.x) / radiusX
      let y = (point.y - centre.y) / radiusY
      return inner.mixed(with: outer, Float(min((x * x + y * y).squareRoot(), 1)))
    }
  }

  /// `base` with figures of `accent`.
  static func pattern(_ pattern: Pattern, base: Colour, accent: Colour, scale: Double = 1) -> Paint {
    Paint { point in
      base.mixed(with: accent, Float(pattern.accent(at: Point(point.x / scale, point.y / scale))))
    }
  }
}

/// A repeated figure, given as the share of the accent colour at each point. Edges are half a unit soft.
enum Pattern: String, CaseIterable, Sendable {
  case plain, striped, dotted, checked, zigzag

  func accent(at point: Point) -> Double {
    switch self {
    case .plain: return 0
    case .striped: return Self.band(point.y, period: 9, width: 3.4)
    case .dotted:
      let row = (point.y / 8).rounded(.down)
      let x = point.x + (Int(row) % 2 == 0 ? 0 : 4.5)
      let dx = x - (x / 9).rounded(.down) * 9 - 4.5
      let dy = point.y - row * 8 - 4
      return Self.step(2.1 - (dx * dx + dy * dy).squareRoot())
    case .checked:
      let across = Self.band(point.x, period: 11, width: 4.5)
      let along = Self.band(point.y, period: 11, width: 4.5)
      return 0.5 * across + 0.5 * along
    case .zigzag:
      let phase = point.x / 10 - (point.x / 10).rounded(.down)
      return Self.band(point.y + 8 * abs(phase - 0.5), period: 10, width: 3.6)
    }
  }

  private static func band(_ value: Double, period: Double, width: Double) -> Double {
    let position = value - (value / period).rounded(.down) * period
    return step(width / 2 - abs(position - period / 2))
  }

  /// 0 below, 1 above, linear over half a unit.
  private static func step(_ distance: Double) -> Double { min(max(distance * 2 + 0.5, 0), 1) }
}
