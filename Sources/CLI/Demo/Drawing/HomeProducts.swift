// SPDX-License-Identifier: Apache-2.0

import Models

/// Drawings of things for the home.
enum HomeProducts {
  static func lamp(_ style: ProductStyle, on canvas: inout Canvas) {
    let rim = style.between(23, 29)
    let top = style.between(10, 16)
    canvas.shadow(under: Point(50, 88), width: 26)
    canvas.fill(
      .ellipse(Point(50, 52), 40, 26),
      .radial(
        Colour(0xFFE9A8).opacity(0.55), Colour(0xFFE9A8).opacity(0), centre: Point(50, 52), radiusX: 40, radiusY: 26))
    canvas.body(.rectangle(48.3, 50, 3.4, 34), .solid(Material.brass), from: 48, to: 52)
    canvas.body(.ellipse(Point(50, 86), 15, 3.6), .solid(Material.brass.darker(0.12)), from: 35, to: 65)
    canvas.body(.ellipse(Point(50, 84.6), 15, 3.4), .solid(Material.brass), from: 35, to: 65)
    canvas.fill(.ellipse(Point(50, 52), rim, 3.6), style.deep)
    var shade = Path()
    shade.move(50 - top, 17)
    shade.curve(Point(50, 14.5), to: Point(50 + top, 17))
    shade.line(50 + rim, 51)
    shade.curve(Point(50, 57), to: Point(50 - rim, 51))
    canvas.body(shade, style.surface(), from: 50 - rim, to: 50 + rim)
  }

  static func chair(_ style: ProductStyle, on canvas: inout Canvas) {
    let back = style.between(14, 24)
    canvas.shadow(under: Point(50, 90), width: 34)
    for (top, foot) in [(33.0, 28.0), (67.0, 72.0)] {
      canvas.fill(
        .polygon(Point(top - 2, 66), Point(top + 2, 66), Point(foot + 1.2, 90), Point(foot - 1.2, 90)), Material.oak)
    }
    for (top, foot) in [(41.0, 39.0), (59.0, 61.0)] {
      canvas.fill(
        .polygon(Point(top - 1.6, 66), Point(top + 1.6, 66), Point(foot + 1, 84), Point(foot - 1, 84)),
        Material.oak.darker(0.25))
    }
    var rest = Path()
    rest.move(28, 60)
    rest.curve(Point(25, back), Point(34, back - 4), to: Point(50, back - 4))
    rest.curve(Point(66, back - 4), Point(75, back), to: Point(72, 60))
    canvas.body(rest, style.surface(), from: 26, to: 74)
    canvas.body(.rectangle(24, 55, 52, 13, corner: 6), .solid(style.base.lighter(0.12)), from: 24, to: 76)
    for x in [19.0, 72.0] {
      canvas.body(.rectangle(x, 42, 9, 27, corner: 4.5), .solid(style.deep), from: x, to: x + 9)
    }
  }

  static func mug(_ style: ProductStyle, on canvas: inout Canvas) {
    let left = style.between(22, 28)
    let bottom = style.between(80, 86)
    canvas.shadow(under: Point(50, bottom + 3), width: 33)
    canvas.stroke(.ellipse(Point(70, 53), 13, 15), width: 5.4, style.deep, isClosed: true)
    var cup = Path()
    cup.move(left, 29)
    cup.line(left + 1.5, bottom - 7)
    cup.curve(Point(left + 2, bottom), to: Point(left + 10, bottom))
    cup.line(60, bottom)
    cup.curve(Point(69.5, bottom), to: Point(70, bottom - 7))
    cup.line(71, 29)
    canvas.body(cup, style.surface(), from: left, to: 71)
    let middle = (left + 71) / 2
    let radius = (71 - left) / 2
    canvas.fill(.ellipse(Point(middle, 29), radius, 5.2), style.base.lighter(0.42))
    canvas.fill(.ellipse(Point(middle, 29.6), radius - 2.2, 3.9), Colour(0x5A3A24))
    for (index, x) in [middle - 8, middle, middle + 8].enumerated() {
      var steam = Path()
      let lift = index == 1 ? -4.0 : 0
      steam.move(x, 20 + lift)
      steam.curve(Point(x - 5, 14 + lift), Point(x + 5, 12 + lift), to: Point(x, 6 + lift))
      canvas.stroke(steam, width: 1.3, Colour.white.opacity(0.75))
    }
  }

  static func cushion(_ style: ProductStyle, on canvas: inout Canvas) {
    let inset = style.between(16, 21)
    canvas.shadow(under: Point(50, 86), width: 38)
    let low = inset
    let high = 100 - inset
    var pillow = Path()
    pillow.move(low, low + 2)
    pillow.curve(Point(50, low + 8), to: Point(high, low + 2))
    pillow.curve(Point(high - 5, 50), to: Point(high, high + 2))
    pillow.curve(Point(50, high - 4), to: Point(low, high + 2))
    pillow.curve(Point(low + 5, 50), to: Point(low, low + 2))
    canvas.stroke(pillow, width: 2.6, style.deep, isClosed: true)
    canvas.body(pillow, style.surface(scale: 1.15), from: low, to: high)
    canvas.fill(
      .ellipse(Point(50, 52), 26, 24),
      .radial(Colour.white.opacity(0.16), Colour.white.opacity(0), centre: Point(45, 46), radiusX: 26, radiusY: 24))
  }

  static func clock(_ style: ProductStyle, on canvas: inout Canvas) {
    let centre = Point(50, 48)
    let radius = style.between(32, 37)
    canvas.fill(
      .circle(Point(51.5, 51), radius + 2),
      .radial(
        Colour.black.opacity(0.3), Colour.black.opacity(0), centre: Point(51.5, 51), radiusX: radius + 3,
        radiusY: radius + 3))
    canvas.body(.circle(centre, radius), style.surface(), from: 50 - radius, to: 50 + radius)
    canvas.fill(.circle(centre, radius - 7), Material.paper)
    for hour in 0..<12 {
      let long = hour % 3 == 0
      let mark = Path.rectangle(49.2, 50 - radius + 11, 1.6, long ? 5 : 2.6, corner: 0.6)
        .rotated(by: Double(hour) * 30, around: Point(50, 50))
      canvas.fill(mark.shifted(x: 0, y: -2), Material.ink)
    }
    let hourHand = Path.rectangle(48.7, 34, 2.6, 16, corner: 1.2).rotated(by: 300 + 40 * style.variant, around: centre)
    let minuteHand = Path.rectangle(49.1, 26, 1.8, 24, corner: 0.9).rotated(by: 60 + 90 * style.variant, around: centre)
    canvas.fill(hourHand, Material.ink)
    canvas.fill(minuteHand, Material.ink)
    canvas.fill(.circle(centre, 2.2), style.deep)
  }

  static func vase(_ style: ProductStyle, on canvas: inout Canvas) {
    let belly = style.between(18, 24)
    canvas.shadow(under: Point(50, 89), width: 26)
    for (x, y, tilt) in [(38.0, 14.0, -20.0), (50.0, 8.0, 0.0), (62.0, 15.0, 20.0)] {
      var stem = Path()
      stem.move(50, 50)
      stem.curve(Point(50 + tilt / 6, 32), to: Point(x, y + 6))
      canvas.stroke(stem, width: 1.3, Material.leaf.darker(0.15))
      canvas.fill(
        .ellipse(Point(x + 4, y + 16), 5.5, 2.2).rotated(by: tilt - 35, around: Point(x + 4, y + 16)), Material.leaf)
      for petal in 0..<6 {
        canvas.fill(
          .ellipse(Point(x, y + 1), 2.1, 4).rotated(by: Double(petal) * 60, around: Point(x, y + 5)),
          style.accent.mixed(with: Colour(0xF2C14E), 0.35))
      }
      canvas.fill(.circle(Point(x, y + 5), 1.9), Colour(0x8A5A2B))
    }
    var jar = Path()
    jar.move(44, 42)
    jar.curve(Point(45, 50), Point(50 - belly - 4, 54), to: Point(50 - belly, 68))
    jar.curve(Point(50 - belly + 2, 82), Point(43, 88), to: Point(42, 88))
    jar.line(58, 88)
    jar.curve(Point(57, 88), Point(50 + belly - 2, 82), to: Point(50 + belly, 68))
    jar.curve(Point(50 + belly + 4, 54), Point(55, 50), to: Point(56, 42))
    canvas.body(jar, style.surface(), from: 50 - belly, to: 50 + belly)
    canvas.fill(.ellipse(Point(50, 42), 6.6, 1.8), style.deep)
  }
}
