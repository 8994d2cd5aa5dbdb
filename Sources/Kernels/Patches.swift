// SPDX-License-Identifier: Apache-2.0

import CKernels

extension Activations {
  /// Writes the patches of one image as rows, in the layout of a convolution's weight [_, C, P, P]: what turns the patch
  /// convolution into a matrix product.
  ///
  /// - Parameters:
  ///   - image: [C, height, width].
  ///   - patch: P; rows and columns beyond the last whole patch are left out.
  ///   - firstRow: the row of the first patch. Patches go row by row of the image.
  package mutating func setPatches(
    of image: [Float], channels: Int, height: Int, width imageWidth: Int, patch: Int, atRow firstRow: Int
  ) {
    precondition(image.count == channels * height * imageWidth && width == channels * patch * patch)
    precondition(firstRow + (height / patch) * (imageWidth / patch) <= rows)
    illmrec_patches(image, channels, height, imageWidth, patch, base + firstRow * width)
  }
}
