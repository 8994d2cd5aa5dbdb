// SPDX-License-Identifier: Apache-2.0

import Models
import ServiceSupport

/// What one request may ask for. Published by GetServerInfo.
struct EncoderLimits: SettingGroup {
  @Setting("max-items-per-request", "Most items of a unary request", unit: "items", allowed: .range(1...10_000))
  var maxItems = 256
  @Setting("max-image-bytes", "Largest image file", unit: "bytes", allowed: .range(1024...1 << 30))
  var maxImageBytes = ImageLimits().maxBytes
  @Setting(
    "max-image-pixels", "Most pixels of an image, checked in its header before it is decoded", unit: "pixels",
    allowed: .range(1024...1_000_000_000))
  var maxImagePixels = ImageLimits().maxPixels
  @Setting(
    "max-queue-items", "Most images that wait for the tower; more are refused with RESOURCE_EXHAUSTED", unit: "images",
    allowed: .range(64...1_000_000))
  var maxQueueItems = 512
  @Setting("max-queue-seconds", QueueTime.help, unit: "seconds", allowed: .range(1...3600))
  var maxQueueSeconds = QueueTime.defaultSeconds
  /// Of the transport.
  var maxMessageBytes = 64 << 20
  /// Images that go through the tower together; every request of a batch waits for all of it.
  var maxBatchItems = 8
  /// Bytes of an item's title, brand, category and description together.
  let maxMetadataBytes = 64 << 10

  var maxQueueTime: Duration { .seconds(maxQueueSeconds) }
  var image: ImageLimits { ImageLimits(maxBytes: maxImageBytes, maxPixels: maxImagePixels) }

  /// Images of this size that keep the matrix products at full speed: about 3,000 patches of 14 x 14 pixels.
  static func batchItems(for preprocessing: ImagePreprocessing) -> Int {
    min(max(600_000 / (preprocessing.height * preprocessing.width), 1), 64)
  }
}
