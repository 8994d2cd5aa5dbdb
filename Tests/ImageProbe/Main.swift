// SPDX-License-Identifier: Apache-2.0

import Digest
import Foundation
import Models

/// Decodes and resizes image files and prints one line of JSON for each: what scripts/check-images-against-pillow.py
/// compares with Pillow. Not a product.
///
///     ImageProbe SIZE KERNEL DIRECTORY < paths
///
/// SIZE is the side of the resized square and KERNEL Pillow's number of the kernel. The resized pixels of the n-th file
/// are written to DIRECTORY/n.rgb.
@main
struct Main {
  struct Line: Encodable {
    var file: String
    var width: Int?
    var height: Int?
    var sha256: String?
    /// Of the image as its EXIF data says that it is seen.
    var turnedSHA256: String?
    var milliseconds: Double
    var error: String?
    var message: String?
  }

  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard arguments.count == 3, let size = Int(arguments[1]), let number = Int(arguments[2]),
      let kernel = ImagePreprocessing.Kernel(rawValue: number)
    else { throw ImageError(code: .empty, message: "usage: ImageProbe SIZE KERNEL DIRECTORY < paths") }
    let preprocessing = ImagePreprocessing(size: size, resample: kernel)
    var index = 0
    while let file = readLine() {
      let line = try probe(file, with: preprocessing, writingTo: "\(arguments[3])/\(index).rgb")
      print(String(decoding: try JSONEncoder().encode(line), as: UTF8.self))
      index += 1
    }
  }

  private static func probe(
    _ file: String, with preprocessing: ImagePreprocessing, writingTo output: String
  ) throws -> Line {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    var line = Line(file: file, milliseconds: 0)
    let start = ContinuousClock.now
    do {
      let resized = try bytes.withUnsafeBytes { try preprocessing.resized(encoded: $0) }
      line.milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
      try Data(resized.pixels).write(to: URL(fileURLWithPath: output))
      let image = try bytes.withUnsafeBytes { try ImageDecoder.decode($0) }
      line.width = image.width
      line.height = image.height
      line.sha256 = image.pixels.withUnsafeBytes { SHA256.hex(of: $0) }
      let turned = try bytes.withUnsafeBytes { try ImageDecoder.decode($0, appliesOrientation: true) }
      line.turnedSHA256 = turned.pixels.withUnsafeBytes { SHA256.hex(of: $0) }
      if try preprocessing.resized(image) != resized {
        line.error = "the streamed and the whole image resize differently"
      }
    } catch let error as ImageError {
      line.milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
      line.error = error.code.rawValue
      line.message = error.message
    }
    return line
  }
}
