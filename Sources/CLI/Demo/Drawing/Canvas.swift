// SPDX-License-Identifier: Apache-2.0

import Models

/// A square image to draw on; the drawing plane's 100 units span it.
struct Canvas {
  let size: Int
  private var pixels: [Colour]

  /// - Parameter size: pixels on a side.
  init(size: Int, background: Paint) {
    self.size = size
    let unit = 100 / Double(size)
    pixels = []
    pixels.reserveCapacity(size * size)
    for row in 0..<size {
      for column in 0..<size {
        pixels.append(background.colour(Point((Double(column) + 0.5) * unit, (Double(row) + 0.5) * unit)))
      }
    }
  }

  mutating func fill(_ path: Path, _ paint: Paint) {
    let unit = 100 / Double(size)
    CoverageMask(path, size: size).forEachPixel { column, row, coverage in
      let colour = paint.colour(Point((Double(column) + 0.5) * unit, (Double(row) + 0.5) * unit))
      let index = row * size + column
      pixels[index] = pixels[index].mixed(with: colour.opacity(1), coverage * colour.alpha)
    }
  }

  mutating func fill(_ path: Path, _ colour: Colour) { fill(path, .solid(colour)) }

  mutating func stroke(_ path: Path, width: Double, _ colour: Colour, isClosed: Bool = false) {
    fill(path.stroked(width: width, isClosed: isClosed), colour)
  }

  /// The drawing in 8 bits per component.
  var image: RGBImage {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(3 * pixels.count)
    for pixel in pixels {
      for component in [pixel.red, pixel.green, pixel.blue] {
        bytes.append(UInt8(min(max(component * 255, 0), 255) + 0.5))
      }
    }
    return RGBImage(width: size, height: size, pixels: bytes)
  }
}
