import Foundation
import ModelServing
import Models
import ServiceSupport

/// What the service is configured with, beside what every service has.
struct EncoderConfiguration: Sendable {
  var model: ModelSettings
  var store: String
  var limits: RequestLimits
  /// Images that go through the tower together; nil for as many as keep it at full speed.
  var maxBatchItems: Int?
  var decodeThreads: Int

  init(_ settings: ServiceSettings) throws(SettingsError) {
    typealias Keys = EncoderCommand.Keys
    let all = settings.all
    model = try ModelSettings(all)
    store = try all.value(Keys.store)
    limits = RequestLimits(
      maxItems: try all.value(Keys.maxItems),
      image: ImageLimits(
        maxBytes: try all.value(Keys.maxImageBytes), maxPixels: try all.value(Keys.maxImagePixels)),
      maxMessageBytes: settings.maxMessageBytes, maxQueueItems: try all.value(Keys.maxQueueItems))
    maxBatchItems = ModelSettings.unlessZero(try all.value(Keys.maxBatchItems))
    decodeThreads =
      ModelSettings.unlessZero(try all.value(Keys.decodeThreads)) ?? ProcessInfo.processInfo.activeProcessorCount
    try check()
  }

  /// What no single value can tell.
  private func check() throws(SettingsError) {
    guard limits.maxQueueItems >= limits.maxItems else {
      throw SettingsError(
        "--max-queue-items is \(limits.maxQueueItems); it must hold a request of --max-items-per-request "
          + "\(limits.maxItems)",
        isUsage: true)
    }
    // An image travels with its item's texts around it.
    let room = limits.maxMessageBytes - limits.maxMetadataBytes - 4096
    guard limits.image.maxBytes <= room else {
      throw SettingsError(
        "--max-image-bytes is \(limits.image.maxBytes), and messages of --max-message-bytes \(limits.maxMessageBytes) hold "
          + "images up to \(max(room, 0)); lower the one or raise the other",
        isUsage: true)
    }
  }
}
