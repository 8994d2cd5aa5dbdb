// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import Digest
import Foundation
import Models

/// An image as it was sent.
enum SourceImage: Sendable {
  /// A JPEG, PNG, WebP, GIF, BMP or TIFF file.
  case encoded(Data)
  /// Pixels, their size checked.
  case raw(width: Int, height: Int, rgb: Data)

  /// What the embedding is kept under: SHA-256 of the file's bytes. Pixels have their size in it, and are never taken for
  /// a file.
  var digest: ImageDigest {
    var digest = SHA256()
    switch self {
    case .encoded(let bytes):
      bytes.withUnsafeBytes { digest.update($0) }
    case .raw(let width, let height, let rgb):
      digest.update("R G B \(width) \(height)\n")
      rgb.withUnsafeBytes { digest.update($0) }
    }
    return ImageDigest(bytes: digest.finish())
  }

  var byteCount: Int {
    switch self {
    case .encoded(let bytes): bytes.count
    case .raw(_, _, let rgb): rgb.count
    }
  }

  /// The vision tower's input.
  func prepared(by preprocessing: ImagePreprocessing, limits: ImageLimits) -> Result<PreparedImage, ImageError> {
    switch self {
    case .encoded(let bytes):
      bytes.withUnsafeBytes { bytes in
        Result { () throws(ImageError) in try preprocessing.prepare(encoded: bytes, limits: limits) }
      }
    case .raw(let width, let height, let rgb):
      rgb.withUnsafeBytes { rgb in
        Result { () throws(ImageError) in
          try preprocessing.prepare(RGBImage(width: width, height: height, rgb: rgb, limits: limits))
        }
      }
    }
  }
}
