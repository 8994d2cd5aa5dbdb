import Models

/// What one request may ask for. Published by GetServerInfo.
struct RequestLimits: Sendable {
  /// Items of one unary request.
  var maxItems = 256
  /// Bytes and pixels of one image.
  var image = ImageLimits()
  /// Of the transport.
  var maxMessageBytes = 64 << 20
  /// Images waiting for the compute thread.
  var maxQueueItems = 512
  /// Images that go through the tower together; every request of a batch waits for all of it.
  var maxBatchItems = 8
  /// Bytes of an item's name.
  let maxItemIDBytes = 512
  /// Bytes of an item's title, brand, category and description together.
  let maxMetadataBytes = 64 << 10

  /// Images of this size that keep the matrix products at full speed: about 3,000 patches of 14 x 14 pixels.
  static func batchItems(for preprocessing: ImagePreprocessing) -> Int {
    min(max(600_000 / (preprocessing.height * preprocessing.width), 1), 64)
  }
}
