// SPDX-License-Identifier: Apache-2.0

internal import CImageCodec

/// An image that cannot be used, and what to do about it.
package struct ImageError: Error, Sendable, CustomStringConvertible {
  /// Why, for programs. What a client is told of each is the service's to say.
  package enum Code: String, Sendable, CaseIterable {
    /// There are no bytes.
    case empty = "IMAGE_EMPTY"
    /// More bytes than `ImageLimits.maxBytes`.
    case tooLarge = "IMAGE_TOO_LARGE"
    /// More pixels than `ImageLimits.maxPixels`, a side beyond a million, or scans beyond reason.
    case tooManyPixels = "IMAGE_TOO_MANY_PIXELS"
    /// No format that is decoded, or a variant of one that is not.
    case formatUnsupported = "IMAGE_FORMAT_UNSUPPORTED"
    /// The data ends before the image does.
    case truncated = "IMAGE_TRUNCATED"
    /// The data breaks the rules of its format.
    case corrupt = "IMAGE_CORRUPT"
    /// Decoded pixels do not match the width and height given with them.
    case sizeMismatch = "IMAGE_SIZE_MISMATCH"
    /// Memory ran out.
    case outOfMemory = "IMAGE_OUT_OF_MEMORY"
  }

  package var code: Code
  /// The problem and its remedy.
  package var message: String

  package init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "\(code.rawValue): \(message)" }
}

extension ImageError {
  /// The error for a failed call of the codec; `result` holds its status and its words.
  init(_ result: illmrec_image_result) {
    let (code, remedy) = Self.codeAndRemedy(of: result.status)
    let problem = withUnsafeBytes(of: result.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    self.init(code: code, message: "The image cannot be decoded: \(problem). \(remedy)")
  }

  private static func codeAndRemedy(of status: illmrec_image_status) -> (Code, String) {
    switch status {
    case ILLMREC_IMAGE_TRUNCATED: (.truncated, "Send the whole file.")
    case ILLMREC_IMAGE_UNSUPPORTED: (.formatUnsupported, "Convert it to an 8-bit JPEG, a PNG or a WebP file.")
    case ILLMREC_IMAGE_TOO_MANY_PIXELS: (.tooManyPixels, "Send a smaller image.")
    case ILLMREC_IMAGE_NO_MEMORY: (.outOfMemory, "Send a smaller image, or try again later.")
    default: (.corrupt, "Export the image again from its source.")
    }
  }
}
