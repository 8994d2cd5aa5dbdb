import Foundation
import Models
import ServiceSupport

/// What the service is configured with, beside what every service has.
struct EncoderConfiguration: Sendable {
  var checkpoint: CheckpointLocation
  var spaces: [Space]
  var store: String
  var modelName: String
  var modelVersion: String
  var limits: RequestLimits
  /// Images that go through the tower together; nil for as many as keep it at full speed.
  var maxBatchItems: Int?
  var decodeThreads: Int
  /// How the tower's matrices are kept.
  var loading: LoadingOptions
  /// Threads that compute; nil for one per CPU.
  var threads: Int?

  init(_ settings: ServiceSettings) throws(SettingsError) {
    typealias Keys = EncoderCommand.Keys
    let all = settings.all
    let bundle = try all.value(Keys.checkpoint)
    checkpoint = CheckpointLocation(bundle: bundle)
    spaces = try Self.spaces(try all.value(Keys.spaces))
    store = try all.value(Keys.store)
    modelName = all.optional(Keys.modelName) ?? bundle.split(separator: "/").last.map(String.init) ?? bundle
    modelVersion = try all.value(Keys.modelVersion)
    limits = RequestLimits(
      maxItems: try all.value(Keys.maxItems),
      image: ImageLimits(
        maxBytes: try all.value(Keys.maxImageBytes), maxPixels: try all.value(Keys.maxImagePixels)),
      maxMessageBytes: settings.maxMessageBytes, maxQueueItems: try all.value(Keys.maxQueueItems))
    maxBatchItems = Self.nonZero(try all.value(Keys.maxBatchItems))
    decodeThreads = Self.nonZero(try all.value(Keys.decodeThreads)) ?? ProcessInfo.processInfo.activeProcessorCount
    threads = Self.nonZero(try all.value(Keys.threads))
    loading = try LoadingOptions(try ModelLoadingSettings(all))
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

  private static func nonZero(_ value: Int) -> Int? { value == 0 ? nil : value }

  private static func spaces(_ list: String) throws(SettingsError) -> [Space] {
    var spaces: [Space] = []
    for name in list.split(separator: ",") {
      guard let space = Space.allCases.first(where: { "\($0)" == name || $0.checkpointName == name }) else {
        throw SettingsError("--spaces names \"\(name)\"; allowed: image, cf, text, separated by commas", isUsage: true)
      }
      spaces.append(space)
    }
    return spaces
  }
}

extension LoadingOptions {
  init(_ settings: ModelLoadingSettings) throws(SettingsError) {
    do throws(ModelError) {
      try self.init(
        precision: settings.precision, computePath: settings.computePath, packedCache: settings.packedCache)
    } catch {
      throw SettingsError(error.message, isUsage: true)
    }
  }
}
