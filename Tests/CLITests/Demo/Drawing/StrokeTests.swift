// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CLI

@Suite("Outlines are stroked")
struct StrokeTests {
  /// Area in drawing units, from the exact coverage of a 200-pixel image.
  private func area(_ path: Path) -> Double {
    var sum = 0.0
    CoverageMask(path, size: 200).forEachPixel { _, _, coverage in sum += Double(coverage) }
    return sum / 4
  }

  @Test func `A straight line covers its length and its round ends`() {
    var line = Path()
    line.move(20, 50)
    line.line(80, 50)
    // Circles are polygons of 72 sides and each pixel rounds to a Float: well within half a unit of 60 · 4 + π · 2².
    #expect(abs(area(line.stroked(width: 4)) - (240 + 12.566)) < 0.5)
  }

  @Test func `A curve is no wider than its pen`() {
    var arc = Path()
    arc.move(20, 70)
    arc.curve(Point(20, 20), Point(80, 20), to: Point(80, 70))
    let points = arc.contours[0]
    let length = zip(points, points.dropFirst()).reduce(0.0) { sum, pair in
      let d = pair.1 - pair.0
      return sum + (d.x * d.x + d.y * d.y).squareRoot()
    }
    // Overlapping pieces would add up; the mitres of 24 flat pieces differ from the true band by under 1%.
    let expected = length * 3 + .pi * 1.5 * 1.5
    #expect(abs(area(arc.stroked(width: 3)) - expected) < expected * 0.01)
  }

  @Test func `A closed outline that repeats its first point has no spur`() {
    var square = Path()
    square.move(30, 30)
    square.line(70, 30)
    square.line(70, 70)
    square.line(30, 70)
    square.line(30, 30)
    let mask = CoverageMask(square.stroked(width: 4, isClosed: true), size: 100)
    #expect(mask.columns == 28..<73)
    #expect(mask.rows == 28..<73)
    #expect(abs(area(square.stroked(width: 4, isClosed: true)) - (44 * 44 - 36 * 36)) < 0.5)
  }

  @Test func `A single point strokes to nothing`() {
    var point = Path()
    point.move(50, 50)
    #expect(point.stroked(width: 4).contours.isEmpty)
  }
}
