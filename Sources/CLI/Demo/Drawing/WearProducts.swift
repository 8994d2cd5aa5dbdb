// SPDX-License-Identifier: Apache-2.0

import Models

/// Drawings of things to wear and to carry.
enum WearProducts {
  static func shirt(_ style: ProductStyle, on canvas: inout Canvas) {
    let hem = style.between(80, 87)
    canvas.shadow(under: Point(50, 91), width: 30)
    var half = Path()
    half.move(50, 20)
    half.curve(Point(43, 20), to: Point(39, 13))
    half.line(30, 16)
    half.curve(Point(20, 20), to: Point(10, 39))
    half.line(22, 47)
    half.line(28, 40)
    half.line(28, hem)
    half.curve(Point(40, hem + 1.5), to: Point(50, hem + 1.5))
    canvas.body(.symmetric(left: half), style.surface(), from: 10, to: 90)
    var collar = Path()
    collar.move(39, 13)
    collar.curve(Point(43, 21.5), to: Point(50, 21.5))
    collar.curve(Point(57, 21.5), to: Point(61, 13))
    canvas.stroke(collar, width: 2.6, style.deep)
    for (from, to) in [(Point(28, 40), Point(29, 30)), (Point(72, 40), Point(71, 30))] {
      var crease = Path()
      crease.move(from.x, from.y)
      crease.line(to.x, to.y)
      canvas.stroke(crease, width: 0.7, Colour.black.opacity(0.25))
    }
    for (from, to) in [(Point(11.3, 36.6), Point(23.3, 44.6)), (Point(88.7, 36.6), Point(76.7, 44.6))] {
      var cuff = Path()
      cuff.move(from.x, from.y)
      cuff.line(to.x, to.y)
      canvas.stroke(cuff, width: 1, style.deep)
    }
  }

  static func sneaker(_ style: ProductStyle, on canvas: inout Canvas) {
    let collar = style.between(34, 40)
    canvas.shadow(under: Point(50, 80), width: 45)
    var upper = Path()
    upper.move(12, 70)
    upper.curve(Point(9, 50), Point(13, 42), to: Point(15, collar))
    upper.curve(Point(22, collar + 4), Point(30, collar + 2), to: Point(37, collar - 4))
    upper.curve(Point(46, 52), Point(58, 56), to: Point(72, 57))
    upper.curve(Point(86, 58), Point(91, 62), to: Point(91, 70))
    canvas.body(upper, style.surface(scale: 0.8), from: 8, to: 92)
    var toe = Path()
    toe.move(74, 57.2)
    toe.curve(Point(86, 58), Point(91, 62), to: Point(91, 70))
    toe.line(70, 70)
    toe.curve(Point(70, 62), to: Point(74, 57.2))
    canvas.fill(toe, Material.paper)
    var heel = Path()
    heel.move(12, 70)
    heel.curve(Point(9, 50), Point(13, 42), to: Point(15, collar))
    heel.line(20, collar + 2)
    heel.curve(Point(18, 52), to: Point(21, 70))
    canvas.fill(heel, style.deep)
    for step in 0..<4 {
      let x = 40.5 + Double(step) * 6.2
      var lace = Path()
      lace.move(x - 4, 52.5 + Double(step) * 1.5)
      lace.line(x + 3.6, 46 + Double(step) * 2.9)
      canvas.stroke(lace, width: 1.7, Material.paper)
    }
    canvas.fill(.rectangle(10, 69, 82, 8.5, corner: 4), Colour(0xF4F1EA))
    canvas.fill(.rectangle(10, 74, 82, 3.6, corner: 1.8), Colour(0xD8D2C6))
    var line = Path()
    line.move(13, 71.6)
    line.line(89, 71.6)
    canvas.stroke(line, width: 0.8, style.base)
  }

  static func bag(_ style: ProductStyle, on canvas: inout Canvas) {
    let top = style.between(40, 46)
    canvas.shadow(under: Point(50, 89), width: 36)
    var handle = Path()
    handle.move(35, top + 6)
    handle.curve(Point(35, 10), Point(65, 10), to: Point(65, top + 6))
    canvas.stroke(handle, width: 3.4, Material.oak.darker(0.2))
    var sack = Path()
    sack.move(22, top)
    sack.line(78, top)
    sack.curve(Point(84, 66), to: Point(84, 82))
    sack.curve(Point(84, 88), to: Point(77, 88))
    sack.line(23, 88)
    sack.curve(Point(16, 88), to: Point(16, 82))
    sack.curve(Point(16, 66), to: Point(22, top))
    canvas.body(sack, style.surface(scale: 1.1), from: 16, to: 84)
    canvas.fill(.rectangle(21.6, top, 56.8, 4.4), style.deep)
    for x in [35.0, 65.0] { canvas.fill(.circle(Point(x, top + 7.5), 2), Material.brass) }
    canvas.fill(.rectangle(43, 62, 14, 9, corner: 1.6), Material.oak.lighter(0.15))
    canvas.fill(.rectangle(45.5, 66, 9, 1.1), Material.oak.darker(0.3))
  }

  static func hat(_ style: ProductStyle, on canvas: inout Canvas) {
    let crown = style.between(24, 32)
    canvas.shadow(under: Point(50, 80), width: 36)
    var knit = Path()
    knit.move(21, 66)
    knit.curve(Point(21, crown), Point(38, crown - 7), to: Point(50, crown - 7))
    knit.curve(Point(62, crown - 7), Point(79, crown), to: Point(79, 66))
    canvas.fill(.circle(Point(50, crown - 11), 8.5), style.accent)
    for angle in stride(from: 0.0, to: 360, by: 30) {
      let tuft = Point(50, crown - 19).rotated(by: angle, around: Point(50, crown - 11))
      canvas.fill(.circle(tuft, 1.9), style.accent.lighter(0.12))
    }
    canvas.body(knit, style.surface(), from: 21, to: 79)
    canvas.body(.rectangle(17.5, 62, 65, 15, corner: 5), .solid(style.deep), from: 17, to: 83)
    for step in 0..<15 {
      let x = 21.5 + Double(step) * 4.1
      canvas.fill(.rectangle(x, 64, 1, 11, corner: 0.5), Colour.white.opacity(0.16))
    }
  }

  static func umbrella(_ style: ProductStyle, on canvas: inout Canvas) {
    let depth = style.between(46, 52)
    canvas.shadow(under: Point(52, 92), width: 16)
    var stick = Path()
    stick.move(50, 14)
    stick.line(50, 82)
    stick.curve(Point(50, 91), Point(61, 91), to: Point(61, 82))
    canvas.stroke(stick, width: 2.4, Material.oak)
    var dome = Path()
    dome.move(10, depth)
    dome.curve(Point(12, 6), Point(88, 6), to: Point(90, depth))
    for (low, high) in [(70.0, 90.0), (50, 70), (30, 50), (10, 30)] {
      dome.curve(Point((low + high) / 2, depth - 8), to: Point(low, depth))
    }
    canvas.body(dome, style.surface(), from: 10, to: 90)
    for x in [30.0, 50, 70] {
      var rib = Path()
      rib.move(50, 16.2)
      rib.curve(Point(50 + (x - 50) * 0.85, 22), to: Point(x, depth - 0.4))
      canvas.stroke(rib, width: 0.7, Colour.black.opacity(0.22))
    }
    canvas.fill(.rectangle(49, 9, 2, 8, corner: 1), Material.oak)
  }

  static func headphones(_ style: ProductStyle, on canvas: inout Canvas) {
    let spread = style.between(27, 31)
    canvas.shadow(under: Point(50, 88), width: 36)
    var band = Path()
    band.move(50 - spread, 60)
    band.curve(Point(50 - spread, 8), Point(50 + spread, 8), to: Point(50 + spread, 60))
    canvas.stroke(band, width: 6.4, style.deep)
    canvas.stroke(band, width: 2, style.base.lighter(0.3))
    for side in [-1.0, 1] {
      let x = 50 + side * spread
      canvas.fill(.rectangle(x - side * 9 - 4.5, 52, 9, 28, corner: 4.2), Material.ink)
      canvas.body(.rectangle(x - 7, 49, 14, 34, corner: 6.6), style.surface(scale: 0.7), from: x - 7, to: x + 7)
      canvas.fill(.circle(Point(x, 66), 2.6), Material.steel)
    }
  }
}
