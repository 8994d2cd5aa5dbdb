// SPDX-License-Identifier: Apache-2.0

/// Which blocks a prefix cache holds, which of them are in use, and which one goes next: pure bookkeeping, no lock, no
/// memory of its own. All blocks count the same.
///
/// - A block is held only while the block before it is, so that whatever is found from the first block on can be used.
/// - The least recently used block goes first, never one in use, and never one whose continuation is held: blocks that are
///   not in use form one list by recency, and using a block uses those before it, so each stands ahead of all that
///   continue it and the list's end continues in nothing.
struct PrefixIndex<Block> {
  /// Blocks that may be held and reserved together.
  let capacity: Int

  private struct Slot {
    let key: PrefixKey
    let parent: Int?
    let block: Block
    /// Leases on the block. In the list while it is 0.
    var users = 0
    var newer: Int?
    var older: Int?
  }

  private var slots: [Slot?] = []
  private var freeSlots: [Int] = []
  private var slotOfKey: [PrefixKey: Int] = [:]
  private var newest: Int?
  private var oldest: Int?

  /// Blocks promised by ``reserve(_:)`` and neither inserted nor given back yet.
  private(set) var reserved = 0
  private(set) var evictions = 0

  init(capacity: Int) {
    precondition(capacity >= 0)
    self.capacity = capacity
  }

  /// Blocks held.
  var count: Int { slotOfKey.count }

  // MARK: Finding

  /// How many of `keys`, from the first on, are held.
  func matching(_ keys: [PrefixKey]) -> Int {
    keys.firstIndex { slotOfKey[$0] == nil } ?? keys.count
  }

  /// Takes the longest run of blocks that is held, from the first key on, into use.
  ///
  /// - Returns: the blocks, and what ``release(_:)`` wants to be told.
  mutating func lease(_ keys: [PrefixKey]) -> (blocks: [Block], slots: [Int]) {
    var blocks: [Block] = []
    var leased: [Int] = []
    for key in keys {
      guard let index = slotOfKey[key], let slot = slots[index] else { break }
      if slot.users == 0 { unlink(index) }
      slots[index]?.users += 1
      blocks.append(slot.block)
      leased.append(index)
    }
    return (blocks, leased)
  }

  /// Ends one use of blocks that ``lease(_:)`` returned together.
  mutating func release(_ leased: [Int]) {
    for index in leased.reversed() {
      guard let users = slots[index]?.users, users > 0 else { preconditionFailure("a lease is released once") }
      slots[index]?.users = users - 1
      if users == 1 { linkAsNewest(index) }
    }
  }

  // MARK: Adding

  /// Makes room for up to `count` new blocks.
  ///
  /// - Returns: how many may be made, and the blocks that had to go for them.
  mutating func reserve(_ count: Int) -> (granted: Int, evicted: [Block]) {
    var evicted: [Block] = []
    while self.count + reserved + count > capacity, let index = oldest { evicted.append(evict(index)) }
    let granted = max(0, min(count, capacity - self.count - reserved))
    reserved += granted
    return (granted, evicted)
  }

  /// Gives back reservations that were not used.
  mutating func cancelReservations(_ count: Int) {
    precondition(count <= reserved)
    reserved -= count
  }

  /// Holds `chain`, whose blocks continue each other, behind the block named `parent`, or as a prefix's first ones. Uses up
  /// as many reservations.
  ///
  /// - Returns: blocks that are not held: those held already, under the same name, and all of them when `parent` is not held.
  mutating func insert(_ chain: [(key: PrefixKey, block: Block)], after parent: PrefixKey?) -> [Block] {
    cancelReservations(chain.count)
    var parentSlot: Int?
    if let parent {
      guard let index = slotOfKey[parent] else { return chain.map(\.block) }
      parentSlot = index
    }
    var refused: [Block] = []
    for (key, block) in chain {
      if let index = slotOfKey[key] {
        refused.append(block)
        parentSlot = index
      } else {
        parentSlot = add(Slot(key: key, parent: parentSlot, block: block))
      }
    }
    touch(parentSlot)
    return refused
  }

  // MARK: -

  private mutating func add(_ slot: Slot) -> Int {
    let index: Int
    if let free = freeSlots.popLast() {
      index = free
      slots[index] = slot
    } else {
      index = slots.count
      slots.append(slot)
    }
    slotOfKey[slot.key] = index
    linkAsNewest(index)
    return index
  }

  /// Makes a block and all before it the most recently used, the first one ahead.
  private mutating func touch(_ last: Int?) {
    var next = last
    while let index = next, let slot = slots[index] {
      if slot.users == 0 {
        unlink(index)
        linkAsNewest(index)
      }
      next = slot.parent
    }
  }

  private mutating func evict(_ index: Int) -> Block {
    guard let slot = slots[index], slot.users == 0 else { preconditionFailure("a block in use stays") }
    unlink(index)
    slots[index] = nil
    freeSlots.append(index)
    slotOfKey[slot.key] = nil
    evictions += 1
    return slot.block
  }

  private mutating func linkAsNewest(_ index: Int) {
    slots[index]?.newer = nil
    slots[index]?.older = newest
    if let newest { slots[newest]?.newer = index }
    newest = index
    if oldest == nil { oldest = index }
  }

  private mutating func unlink(_ index: Int) {
    guard let slot = slots[index] else { return }
    if let newer = slot.newer { slots[newer]?.older = slot.older } else { newest = slot.older }
    if let older = slot.older { slots[older]?.newer = slot.newer } else { oldest = slot.newer }
    slots[index]?.newer = nil
    slots[index]?.older = nil
  }
}
