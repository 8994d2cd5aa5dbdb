// SPDX-License-Identifier: Apache-2.0

import Foundation
import ModelServing
import Models
import ServiceSupport

/// What the service is configured with, beside what every service has.
struct EncoderConfiguration: Sendable {
  private(set) var model: ModelConfiguration
  let store: String
  let limits: EncoderLimits
  /// Images that go through the tower together; nil for as many as keep it at full speed.
  let maxBatchItems: Int?
  let decodeThreads: Int
  let reading: ImageReading
  /// The index that decides which snapshot is read by default; nil when the newest is.
  let followed: FollowedIndex?
  /// How it is called.
  let outgoing: ClientOptions

  init(_ service: ServiceSettings) throws(SettingsError) {
    let settings = try service.all.read(EncoderSettings.self)
    model = try ModelConfiguration(try service.all.read())
    model.trainings.retrieval = settings.retrieval
    var limits = try service.all.read(EncoderLimits.self)
    limits.maxMessageBytes = service.maxMessageBytes
    self.limits = limits
    store = settings.store
    maxBatchItems = settings.maxBatchItems.unlessZero
    decodeThreads = settings.decodeThreads.unlessZero ?? ProcessInfo.processInfo.activeProcessorCount
    reading = ImageReading(limits: limits.image, appliesOrientation: settings.applyExifOrientation.isOn)
    followed = settings.retrieval.map {
      FollowedIndex(target: $0, index: settings.index, retention: .seconds(3600 * settings.keepSnapshots))
    }
    outgoing = try service.outgoing()
    try ServiceTarget.check([settings.retrieval].compactMap(\.self), of: settings.$retrieval)
    model.trainings.outgoing = outgoing
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
    guard limits.maxImageBytes <= room else {
      throw SettingsError(
        "--max-image-bytes is \(limits.maxImageBytes), and messages of --max-message-bytes \(limits.maxMessageBytes) hold "
          + "images up to \(max(room, 0)); lower the one or raise the other",
        isUsage: true)
    }
  }
}
