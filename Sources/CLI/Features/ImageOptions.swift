// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Models

/// How a command reads image files.
struct ImageOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Most pixels of an image, checked in its header before it is decoded; an image of more cannot be read.",
      valueName: "n"))
  var maxImagePixels = ImageLimits().maxPixels
  @Flag(
    help: ArgumentHelp(
      "Turns photos as their EXIF data says that the camera was held. The published code takes them as they are stored; the "
        + "encoder must do the same as the training did."))
  var applyExifOrientation = false

  var reading: ImageReading {
    ImageReading(limits: ImageLimits(maxPixels: maxImagePixels), appliesOrientation: applyExifOrientation)
  }

  func validate() throws {
    guard (1024...1_000_000_000).contains(maxImagePixels) else {
      throw ValidationError("--max-image-pixels is 1,024 to 1,000,000,000.")
    }
  }
}
