// SPDX-License-Identifier: Apache-2.0

import Metrics
import Models
import Synchronization

/// Metrics of the prefix cache. The share of tokens that were not computed is
/// `illmrec_prompt_tokens_cached_total` / `illmrec_prompt_tokens_total`.
final class PrefixCacheMetrics: Sendable {
  private let promptTokens = Counter(label: "illmrec_prompt_tokens_total")
  private let cachedTokens = Counter(label: "illmrec_prompt_tokens_cached_total")
  private let blocks = Gauge(label: "illmrec_prefix_cache_blocks")
  private let bytes = Gauge(label: "illmrec_prefix_cache_bytes")
  private let evictions = Counter(label: "illmrec_prefix_cache_evicted_blocks_total")
  private let knownEvictions = Atomic(0)

  /// Called by the compute thread after each batch.
  func computed(promptTokens: Int, cachedTokens: Int, _ statistics: PrefixCacheStatistics) {
    self.promptTokens.increment(by: promptTokens)
    self.cachedTokens.increment(by: cachedTokens)
    blocks.record(statistics.blocks)
    bytes.record(statistics.usedBytes)
    let known = knownEvictions.exchange(statistics.evictedBlocks, ordering: .relaxed)
    evictions.increment(by: statistics.evictedBlocks - known)
  }
}
