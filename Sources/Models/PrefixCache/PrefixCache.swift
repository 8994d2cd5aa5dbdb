// SPDX-License-Identifier: Apache-2.0

import Kernels
import Synchronization

/// Keys and values of prompts' beginnings, shared by all prompts that begin alike.
///
/// Blocks of a fixed number of positions, found by content through ``PrefixKey``, under a budget of bytes; see ``PrefixIndex``
/// for what stays and what goes. Any thread may call it. It lives and dies with its process.
final class PrefixCache: Sendable {
  let shape: KeyValueBlock.Shape
  let byteBudget: Int

  private struct State {
    var index: PrefixIndex<KeyValueBlock>
    var promptTokens = 0
    var cachedTokens = 0
  }

  private let state: Mutex<State>

  init(shape: KeyValueBlock.Shape, byteBudget: Int) {
    self.shape = shape
    self.byteBudget = byteBudget
    state = Mutex(State(index: PrefixIndex(capacity: max(0, byteBudget) / shape.byteCount)))
  }

  /// Positions of the prompt with these keys whose keys and values are held now.
  func heldPositions(_ keys: [PrefixKey]) -> Int {
    state.withLock { $0.index.matching(keys) } * shape.positions
  }

  /// Takes what is held of `keys`, from the first on, into use for as long as the lease lives.
  func lease(_ keys: [PrefixKey]) -> PrefixLease {
    let (blocks, slots) = state.withLock { $0.index.lease(keys) }
    return PrefixLease(blocks: blocks, slots: slots, cache: self)
  }

  fileprivate func release(_ slots: [Int]) {
    state.withLock { $0.index.release(slots) }
  }

  /// Memory for new blocks, as many as the budget has room for once the least recently used have gone. Each must come back
  /// through ``publish(_:after:)`` or ``discard(_:)``.
  func reserve(_ count: Int) -> [KeyValueBlock] {
    let (granted, evicted) = state.withLock { $0.index.reserve(count) }
    // The memory of a block that went is used again: fresh memory costs a page fault for every 4 KiB.
    return evicted.prefix(granted) + (0..<max(0, granted - evicted.count)).map { _ in KeyValueBlock(shape) }
  }

  /// Hands filled blocks to everybody. They continue each other, and the block named `parent` unless it is nil.
  func publish(_ chain: [(key: PrefixKey, block: KeyValueBlock)], after parent: PrefixKey?) {
    _ = state.withLock { $0.index.insert(chain, after: parent) }
  }

  /// Gives blocks back that were not filled, or whose values nobody may use.
  func discard(_ blocks: [KeyValueBlock]) {
    state.withLock { $0.index.cancelReservations(blocks.count) }
  }

  /// Counts a computed prompt.
  func record(promptTokens: Int, cachedTokens: Int) {
    state.withLock {
      $0.promptTokens += promptTokens
      $0.cachedTokens += cachedTokens
    }
  }

  var statistics: PrefixCacheStatistics {
    state.withLock {
      PrefixCacheStatistics(
        byteBudget: byteBudget, usedBytes: $0.index.count * shape.byteCount, blocks: $0.index.count,
        positionsPerBlock: shape.positions, promptTokens: $0.promptTokens, cachedTokens: $0.cachedTokens,
        evictedBlocks: $0.index.evictions)
    }
  }
}

/// Blocks in use: they stay in the cache until this is gone.
final class PrefixLease: Sendable {
  /// From the first position on.
  let blocks: [KeyValueBlock]
  private let slots: [Int]
  private let cache: PrefixCache

  fileprivate init(blocks: [KeyValueBlock], slots: [Int], cache: PrefixCache) {
    self.blocks = blocks
    self.slots = slots
    self.cache = cache
  }

  deinit { cache.release(slots) }
}

/// What a prefix cache holds and what it has saved since the process began.
package struct PrefixCacheStatistics: Sendable, Equatable {
  package var byteBudget: Int
  /// Of the blocks held.
  package var usedBytes: Int
  package var blocks: Int
  package var positionsPerBlock: Int
  /// Tokens of all prompts computed, [REC] included.
  package var promptTokens: Int
  /// Of those, tokens that were not computed.
  package var cachedTokens: Int
  package var evictedBlocks: Int

  package init(
    byteBudget: Int, usedBytes: Int, blocks: Int, positionsPerBlock: Int, promptTokens: Int, cachedTokens: Int,
    evictedBlocks: Int
  ) {
    self.byteBudget = byteBudget
    self.usedBytes = usedBytes
    self.blocks = blocks
    self.positionsPerBlock = positionsPerBlock
    self.promptTokens = promptTokens
    self.cachedTokens = cachedTokens
    self.evictedBlocks = evictedBlocks
  }
}
