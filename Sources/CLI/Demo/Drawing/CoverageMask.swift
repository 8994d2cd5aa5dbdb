// SPDX-License-Identifier: Apache-2.0

/// How much of each pixel a path covers, exactly: the anti-aliasing of the drawn catalog.
///
/// Every edge adds its signed area to an accumulation buffer whose running sum along a row is the winding-weighted
/// coverage. Shapes of one direction that overlap saturate at 1, an opposite direction subtracts.
///
/// - Source: the accumulation rasteriser of Levien's font-rs.
struct CoverageMask {
  /// Pixels of the bounding box, half open.
  let columns: Range<Int>
  let rows: Range<Int>
  private var cells: [Float]
  private let width: Int

  /// - Parameter size: pixels on a side of the square image; the drawing plane's 100 units span it.
  init(_ path: Path, size: Int) {
    let scale = Double(size) / 100
    let points = path.contours.joined()
    let limit = Double(size)
    func span(_ values: [Double]) -> Range<Int> {
      guard let low = values.min(), let high = values.max() else { return 0..<0 }
      let first = Int(min(max(low * scale, 0), limit))
      return first..<max(first, Int(min(max(high * scale + 1, 0), limit)))
    }
    columns = span(points.map(\.x))
    rows = span(points.map(\.y))
    width = columns.count + 2
    cells = [Float](repeating: 0, count: width * rows.count)
    for contour in path.contours where contour.count > 1 {
      var previous = contour[contour.count - 1] * scale
      for point in contour {
        let next = point * scale
        addEdge(from: previous, to: next)
        previous = next
      }
    }
  }

  /// Calls `body` for every pixel with coverage above zero.
  func forEachPixel(_ body: (_ column: Int, _ row: Int, _ coverage: Float) -> Void) {
    for row in rows {
      var sum: Float = 0
      let start = (row - rows.lowerBound) * width
      for column in 0..<columns.count {
        sum += cells[start + column]
        let coverage = min(abs(sum), 1)
        if coverage > 1 / 512 { body(columns.lowerBound + column, row, coverage) }
      }
    }
  }

  private mutating func addEdge(from a: Point, to b: Point) {
    guard a.y != b.y else { return }
    let direction: Double = a.y < b.y ? 1 : -1
    let (top, bottom) = a.y < b.y ? (a, b) : (b, a)
    let slope = (bottom.x - top.x) / (bottom.y - top.y)
    let first = max(Int(top.y.rounded(.down)), rows.lowerBound)
    let last = min(Int(bottom.y.rounded(.up)), rows.upperBound)
    guard first < last else { return }
    for row in first..<last {
      let y0 = max(top.y, Double(row))
      let y1 = min(bottom.y, Double(row + 1))
      guard y1 > y0 else { continue }
      let x0 = top.x + (y0 - top.y) * slope
      let x1 = top.x + (y1 - top.y) * slope
      addSpan(row: row - rows.lowerBound, from: min(x0, x1), to: max(x0, x1), height: direction * (y1 - y0))
    }
  }

  /// Adds a piece of an edge that stays within one row: `height` of it, spread evenly over `from`...`to`.
  private mutating func addSpan(row: Int, from low: Double, to high: Double, height: Double) {
    let limit = Double(columns.count)
    let low = min(max(low - Double(columns.lowerBound), 0), limit)
    let high = min(max(high - Double(columns.lowerBound), 0), limit)
    let first = Int(low)
    let last = max(Int(high.rounded(.up)) - 1, first)
    var added = 0.0
    for column in first...last {
      // The share of the edge's height whose area lies left of this pixel's right side.
      let covered = Self.areaRight(of: low, high, at: Double(column + 1)) * height
      cells[row * width + column] += Float(covered - added)
      added = covered
    }
    cells[row * width + last + 1] += Float(height - added)
  }

  /// Mean of max(0, min(1, edge − x)) over x in `low`...`high`: how full the pixel left of `edge` is.
  private static func areaRight(of low: Double, _ high: Double, at edge: Double) -> Double {
    func integral(_ x: Double) -> Double {
      let t = edge - x
      return t <= 0 ? 0 : t >= 1 ? t - 0.5 : t * t / 2
    }
    guard high - low > 1e-9 else { return min(max(edge - low, 0), 1) }
    return (integral(low) - integral(high)) / (high - low)
  }
}
