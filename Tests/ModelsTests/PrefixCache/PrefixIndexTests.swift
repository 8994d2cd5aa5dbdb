// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Models

/// Blocks are named and numbered alike: block 3 has the key of 3.
@Suite("The index of prefixes keeps them whole")
struct PrefixIndexTests {
  private func key(_ number: Int) -> PrefixKey {
    var digest = [UInt8](repeating: 0, count: 32)
    digest[31] = UInt8(number)
    return PrefixKey(digest: digest)
  }

  /// An index that holds the chains, the last one most recently used.
  private func index(capacity: Int, _ chains: [Int]...) -> PrefixIndex<Int> {
    var index = PrefixIndex<Int>(capacity: capacity)
    for chain in chains {
      let new = Array(chain.drop { index.matching([key($0)]) == 1 })
      #expect(index.reserve(new.count).granted == new.count)
      let parent = chain.count > new.count ? chain[chain.count - new.count - 1] : nil
      #expect(index.insert(new.map { (key($0), $0) }, after: parent.map(key)).isEmpty)
    }
    return index
  }

  private func keys(_ numbers: Int...) -> [PrefixKey] { numbers.map(key) }

  @Test func `The longest prefix that is held is found`() {
    var index = index(capacity: 10, [1, 2, 3])
    #expect(index.matching(keys(1, 2, 3, 4)) == 3)
    #expect(index.matching(keys(1, 9, 3)) == 1)
    #expect(index.matching(keys(2, 3)) == 2)
    #expect(index.matching([]) == 0)
    #expect(index.lease(keys(1, 2, 9)).blocks == [1, 2])
    #expect(index.lease(keys(9)).blocks == [])
  }

  @Test func `The least recently used goes first and leaves before parents`() {
    var index = index(capacity: 5, [1, 2, 3], [4, 5])
    #expect(index.reserve(1).evicted == [3])
    #expect(index.reserve(2).evicted == [2, 1])
    #expect(index.reserve(1).evicted == [5])
    #expect(index.count == 1)
    #expect(index.matching(keys(4)) == 1)
    #expect(index.evictions == 4)
  }

  @Test func `Use makes a prefix young`() {
    var index = index(capacity: 5, [1, 2, 3], [4, 5])
    index.release(index.lease(keys(1, 2)).slots)
    #expect(index.reserve(3).evicted == [3, 5, 4])
    #expect(index.matching(keys(1, 2)) == 2)
  }

  @Test func `A continuation makes what it continues young`() {
    var index = index(capacity: 6, [1, 2], [3, 4], [1, 5])
    // 2 and 1 were the oldest; 1 is as young as 5 now.
    #expect(index.reserve(5).evicted == [2, 4, 3, 5])
  }

  @Test func `Blocks in use are never evicted`() {
    var index = index(capacity: 3, [1, 2, 3])
    let lease = index.lease(keys(1, 2))
    var reservation = index.reserve(3)
    #expect(reservation.granted == 1)
    #expect(reservation.evicted == [3])
    index.cancelReservations(1)
    index.release(lease.slots)
    reservation = index.reserve(3)
    #expect(reservation.granted == 3)
    #expect(reservation.evicted == [2, 1])
  }

  @Test func `Two uses end one by one`() {
    var index = index(capacity: 2, [1, 2])
    let (first, second) = (index.lease(keys(1, 2)), index.lease(keys(1)))
    index.release(first.slots)
    #expect(index.reserve(2).evicted == [2])
    index.release(second.slots)
    #expect(index.reserve(1).evicted == [1])
  }

  @Test func `Reservations count against the capacity`() {
    var index = index(capacity: 4, [1])
    #expect(index.reserve(3).granted == 3)
    let more = index.reserve(2)
    #expect(more.granted == 1)
    #expect(more.evicted == [1])
    #expect(index.reserved == 4)
    index.cancelReservations(2)
    #expect(index.insert([(key(7), 7), (key(8), 8)], after: nil).isEmpty)
    #expect(index.reserved == 0)
    #expect(index.count == 2)
  }

  @Test func `What is held already is refused and its continuation taken`() {
    var index = index(capacity: 6, [1, 2])
    #expect(index.reserve(3).granted == 3)
    let refused = index.insert([(key(1), 11), (key(2), 12), (key(3), 3)], after: nil)
    #expect(refused == [11, 12])
    #expect(index.lease(keys(1, 2, 3)).blocks == [1, 2, 3])
    #expect(index.reserved == 0)
  }

  @Test func `Nothing continues what is gone`() {
    var index = index(capacity: 2, [1, 2])
    #expect(index.reserve(1).evicted == [2])
    #expect(index.insert([(key(3), 3)], after: key(2)) == [3])
    #expect(index.reserved == 0)
    #expect(index.matching(keys(3)) == 0)
  }

  @Test func `Without capacity nothing is granted`() {
    var index = PrefixIndex<Int>(capacity: 0)
    #expect(index.reserve(3).granted == 0)
    #expect(index.count == 0)
  }

  /// Thousands of steps drawn at random against what must always hold.
  @Test(arguments: [1, 2, 3]) func `Whatever happens prefixes stay whole`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    func draw(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    // Block b continues block b / 2, as in a heap: every block has one prefix.
    func chain(to block: Int) -> [Int] { block <= 1 ? [1] : chain(to: block / 2) + [block] }
    var index = PrefixIndex<Int>(capacity: 12)
    var leases: [(blocks: [Int], slots: [Int])] = []
    for _ in 0..<5000 {
      let chain = chain(to: 1 + draw(63))
      switch draw(3) {
      case 0:
        let held = index.matching(chain.map(key))
        let lease = index.lease(chain.prefix(held).map(key))
        #expect(lease.blocks == Array(chain.prefix(held)))
        let granted = index.reserve(chain.count - held).granted
        let new = chain.dropFirst(held).prefix(granted)
        #expect(index.insert(new.map { (key($0), $0) }, after: held == 0 ? nil : key(chain[held - 1])).isEmpty)
        leases.append(lease)
      case 1:
        if !leases.isEmpty { index.release(leases.remove(at: draw(leases.count)).slots) }
      default:
        let granted = index.reserve(draw(4)).granted
        index.cancelReservations(granted)
      }
      #expect(index.count <= 12)
      for lease in leases { #expect(index.matching(lease.blocks.map(key)) == lease.blocks.count) }
      // Whoever is held, its whole prefix is.
      for block in 2...63 where index.matching([key(block)]) == 1 { #expect(index.matching([key(block / 2)]) == 1) }
    }
  }
}
