// SPDX-License-Identifier: Apache-2.0

internal import CImageCodec

/// Resizes a stream of rows as Pillow's `Image.resize` does, to the last bit.
struct ImageResampler: ~Copyable {
  private let handle: OpaquePointer
  private let outPixels: Int

  /// All sides are 1 to `RGBImage.maxSide`.
  init(
    inWidth: Int, inHeight: Int, outWidth: Int, outHeight: Int, kernel: ImagePreprocessing.Kernel
  ) throws(ImageError) {
    guard
      let handle = illmrec_resampler_create(
        Int32(inWidth), Int32(inHeight), Int32(outWidth), Int32(outHeight), kernel.codecKernel)
    else {
      throw ImageError(
        code: .outOfMemory,
        message: "No memory to resize \(inWidth) x \(inHeight) pixels. Send a smaller image, or try again later.")
    }
    self.handle = handle
    outPixels = outWidth * outHeight
  }

  deinit { illmrec_resampler_destroy(handle) }

  /// Adds the next rows from the top.
  mutating func push(_ rows: Int, _ rgb: UnsafePointer<UInt8>) {
    illmrec_resampler_push(handle, rgb, Int32(rows))
  }

  /// The resized image, [outHeight, outWidth, 3]; every row has been pushed.
  consuming func finish() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 3 * outPixels) { buffer, count in
      illmrec_resampler_finish(handle, buffer.baseAddress)
      count = 3 * outPixels
    }
  }
}

extension ImagePreprocessing.Kernel {
  fileprivate var codecKernel: illmrec_resample_kernel {
    switch self {
    case .lanczos: ILLMREC_RESAMPLE_LANCZOS
    case .bilinear: ILLMREC_RESAMPLE_BILINEAR
    case .bicubic: ILLMREC_RESAMPLE_BICUBIC
    case .box: ILLMREC_RESAMPLE_BOX
    case .hamming: ILLMREC_RESAMPLE_HAMMING
    }
  }
}
