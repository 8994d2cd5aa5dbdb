// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// What the service is told beside its model and its limits, as people write it.
struct EncoderSettings: SettingGroup {
  @Setting(
    "store", "SQLite file of the catalog: items and image embeddings; created when it does not exist",
    placeholder: "file")
  var store: String
  @Setting(
    "max-batch-items", "Most images that go through the tower together; 0 for as many as keep it at full speed",
    unit: "images", allowed: .range(0...64))
  var maxBatchItems = 0
  @Setting(
    "decode-threads", "Threads that hash and decode images; 0 for one per CPU", unit: "threads",
    allowed: .range(0...256))
  var decodeThreads = 0
}
