// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// What one request may ask of the gateway. Published by GetServerInfo.
package struct RecommenderLimits: SettingGroup {
  @Setting("max-users-per-request", "Most users of a request", unit: "users", allowed: .range(1...4096))
  package var maxUsers = 64
  /// Of these the newest are read, as many as the LLM service reads.
  @Setting(
    "max-interactions-per-user",
    "Most interactions of a user; the LLM reads the newest of them and none is recommended again", unit: "items",
    allowed: .range(1...100_000))
  package var maxInteractions = 1000
  @Setting("max-k", "Most items a user may be recommended", unit: "items", allowed: .range(1...100_000))
  package var maxK = 1000
  /// Of the gateway's own transport, and the most that it sends to a service in one message.
  package var maxMessageBytes = 64 << 20

  package init() {}
}
