// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// What one request may ask for, beside what the model bounds. Published by GetServerInfo.
struct LLMLimits: SettingGroup {
  @Setting("max-users-per-request", "Most users of a unary request", unit: "users", allowed: .range(1...4096))
  var maxUsers = 32
  /// The newest `maxHistoryItems` of the model are read.
  @Setting(
    "max-request-history-items", "Most items that a request may hold for one user", unit: "items",
    allowed: .range(1...100_000))
  var maxRequestHistoryItems = 1000
  @Setting("max-text-bytes", "Most text of one prompt", unit: "bytes", allowed: .range(1024...(64 << 20)))
  var maxTextBytes = 1 << 20
  @Setting(
    "max-batch-tokens",
    "Most tokens computed together, cached ones not counted; more gain little and every request of a batch waits for all of it",
    unit: "tokens", allowed: .range(1...1_000_000))
  var maxBatchTokens = 1024
  @Setting(
    "max-queue-tokens", "Most tokens that wait to be computed; more are refused with RESOURCE_EXHAUSTED",
    unit: "tokens", allowed: .range(1...100_000_000))
  var maxQueueTokens = 1 << 17
  @Setting("max-queue-seconds", QueueTime.help, unit: "seconds", allowed: .range(1...3600))
  var maxQueueSeconds = QueueTime.defaultSeconds
  @Setting(
    "max-queue-text-bytes", "Most text that waits to be tokenised; more is refused with RESOURCE_EXHAUSTED",
    unit: "bytes", allowed: .range((1 << 16)...(1 << 30)))
  var maxQueueTextBytes = 32 << 20
  /// Of the transport.
  var maxMessageBytes = 64 << 20

  /// Of each of the two queues that a request goes through.
  var maxQueueTime: Duration { .seconds(maxQueueSeconds) }
}
