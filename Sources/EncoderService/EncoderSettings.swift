// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// What the service is told beside its model and its limits, as people write it.
struct EncoderSettings: SettingGroup {
  @Setting(
    "store", "SQLite file of the catalog: items and image embeddings; created when it does not exist",
    placeholder: "file")
  var store: String
  @Setting(
    "retrieval",
    "The retrieval service whose index says which catalog snapshot is read by default, the newest one when it is left out; it is asked, "
      + "too, whether a version needs a training that is to be unloaded",
    placeholder: "target")
  var retrieval: String?
  @Setting(
    "index", "The index whose stable version is followed, with --retrieval", placeholder: "name")
  var index = "default"
  @Setting(
    "keep-snapshots",
    "With --retrieval: how long a catalog snapshot is kept at least that no version of any index there names",
    unit: "hours",
    allowed: .range(1...100_000))
  var keepSnapshots = 1
  @Setting(
    "max-batch-items", "Most images that go through the tower together; 0 for as many as keep it at full speed",
    unit: "images", allowed: .range(0...64))
  var maxBatchItems = 0
  @Setting(
    "apply-exif-orientation",
    "Whether photos are turned as their EXIF data says that the camera was held. The published code takes them as they are "
      + "stored. With it, embeddings are kept under another fingerprint of the tower; train with the same",
    allowed: .oneOf([.off, Switch(true)]))
  var applyExifOrientation = Switch.off
  @Setting(
    "decode-threads", "Threads that hash and decode images; 0 for one per CPU", unit: "threads",
    allowed: .range(0...256))
  var decodeThreads = 0
}
