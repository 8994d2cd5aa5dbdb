// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A point of the drawing plane: 0...100 from left to right and from top to bottom.
struct Point: Sendable, Equatable {
  var x: Double
  var y: Double

  init(_ x: Double, _ y: Double) {
    self.x = x
    self.y = y
  }

  static func + (a: Point, b: Point) -> Point { Point(a.x + b.x, a.y + b.y) }
  static func - (a: Point, b: Point) -> Point { Point(a.x - b.x, a.y - b.y) }
  static func * (a: Point, factor: Double) -> Point { Point(a.x * factor, a.y * factor) }

  func rotated(by degrees: Double, around centre: Point) -> Point {
    let angle = degrees * .pi / 180
    let d = self - centre
    return centre + Point(d.x * cos(angle) - d.y * sin(angle), d.x * sin(angle) + d.y * cos(angle))
  }
}

/// An outline of straight pieces; curves are flattened as they are added.
///
/// Every ready-made shape runs clockwise, so that their union fills without gaps.
struct Path: Sendable {
  /// Closed when filled, open when stroked.
  private(set) var contours: [[Point]] = []
  private static let curvePieces = 24

  init() {}

  static func polygon(_ points: Point...) -> Path {
    var path = Path()
    path.contours = [points]
    return path
  }

  static func ellipse(_ centre: Point, _ radiusX: Double, _ radiusY: Double) -> Path {
    let pieces = 72
    var path = Path()
    path.contours = [
      (0..<pieces).map { index in
        let angle = 2 * Double.pi * Double(index) / Double(pieces)
        return Point(centre.x + radiusX * cos(angle), centre.y + radiusY * sin(angle))
      }
    ]
    return path
  }

  static func circle(_ centre: Point, _ radius: Double) -> Path { ellipse(centre, radius, radius) }

  static func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, corner: Double = 0) -> Path {
    var path = Path()
    path.move(x + corner, y)
    path.line(x + width - corner, y)
    path.curve(Point(x + width, y), to: Point(x + width, y + corner))
    path.line(x + width, y + height - corner)
    path.curve(Point(x + width, y + height), to: Point(x + width - corner, y + height))
    path.line(x + corner, y + height)
    path.curve(Point(x, y + height), to: Point(x, y + height - corner))
    path.line(x, y + corner)
    path.curve(Point(x, y), to: Point(x + corner, y))
    return path
  }

  mutating func move(_ x: Double, _ y: Double) { contours.append([Point(x, y)]) }

  mutating func line(_ x: Double, _ y: Double) { append(Point(x, y)) }

  /// A quadratic Bézier curve.
  mutating func curve(_ control: Point, to end: Point) {
    let start = current
    for step in 1...Self.curvePieces {
      let t = Double(step) / Double(Self.curvePieces)
      append(start * ((1 - t) * (1 - t)) + control * (2 * t * (1 - t)) + end * (t * t))
    }
  }

  /// A cubic Bézier curve.
  mutating func curve(_ first: Point, _ second: Point, to end: Point) {
    let start = current
    for step in 1...Self.curvePieces {
      let t = Double(step) / Double(Self.curvePieces)
      let u = 1 - t
      append(start * (u * u * u) + first * (3 * u * u * t) + second * (3 * u * t * t) + end * (t * t * t))
    }
  }

  mutating func add(_ other: Path) { contours += other.contours }

  func rotated(by degrees: Double, around centre: Point) -> Path {
    mapped { $0.rotated(by: degrees, around: centre) }
  }

  func shifted(x: Double, y: Double) -> Path { mapped { $0 + Point(x, y) } }

  /// A shape that is its own mirror image about x = 50, from its left half: one contour that begins and ends there.
  static func symmetric(left: Path) -> Path {
    var path = left
    path.contours = left.contours.map { half in half + half.reversed().map { Point(100 - $0.x, $0.y) } }
    return path
  }

  /// The area under a pen of round tip that follows the path.
  ///
  /// Both sides of the line are one contour: pieces that overlapped would add their soft edges up.
  func stroked(width: Double, isClosed: Bool = false) -> Path {
    var outline = Path()
    for var contour in contours where contour.count > 1 {
      if isClosed, contour.first == contour.last { contour.removeLast() }
      let offsets = Self.offsets(of: contour, by: width / 2, isClosed: isClosed)
      let right = zip(contour, offsets).map { $0 + $1 }
      let left = zip(contour, offsets).map { $0 - $1 }
      if isClosed {
        outline.contours += [left, right.reversed()]
      } else {
        outline.contours.append(left + right.reversed())
        for end in [contour[0], contour[contour.count - 1]] { outline.add(.circle(end, width / 2)) }
      }
    }
    return outline
  }

  /// For each point the way to the line's right side, corners mitred up to twice the distance.
  private static func offsets(of contour: [Point], by distance: Double, isClosed: Bool) -> [Point] {
    let count = contour.count
    func direction(_ from: Int, _ to: Int) -> Point {
      let d = contour[(to + count) % count] - contour[(from + count) % count]
      let length = (d.x * d.x + d.y * d.y).squareRoot()
      return length > 0 ? d * (1 / length) : Point(0, 0)
    }
    return contour.indices.map { index in
      let isFirst = index == 0 && !isClosed
      let isLast = index == count - 1 && !isClosed
      let before = isFirst ? direction(0, 1) : direction(index - 1, index)
      let after = isLast ? before : direction(index, index + 1)
      let sum = before + after
      let square = max(sum.x * sum.x + sum.y * sum.y, 1)
      return Point(-sum.y, sum.x) * (2 * distance / square)
    }
  }

  private func mapped(_ transform: (Point) -> Point) -> Path {
    var path = self
    path.contours = contours.map { $0.map(transform) }
    return path
  }

  private var current: Point {
    guard let point = contours.last?.last else { preconditionFailure("a path begins with move") }
    return point
  }

  private mutating func append(_ point: Point) {
    precondition(!contours.isEmpty, "a path begins with move")
    contours[contours.count - 1].append(point)
  }
}
