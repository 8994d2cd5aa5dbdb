// SPDX-License-Identifier: Apache-2.0

import Basics
import Digest
import Foundation

@testable import Rollouts
@testable import VectorIndex

/// The files of index versions, and what answers carry.
extension FuzzTarget {
  static let indices: [String: FuzzTarget] = [
    "item_categories": FuzzTarget(
      run: { bytes in
        guard let read = taken({ try ItemCategories(decoding: bytes, itemCount: 100, path: "input") }) else { return }
        require(read.encoded() == Array(bytes), "a file has one spelling")
      },
      seeds: { [("two", ItemCategories(rowsByName: ["shoes": [1, 5, 99], "é": [0]]).encoded())] }),
    "item_table": FuzzTarget(
      run: { checkItemTable($0) }, seeds: { [("three", [3, 0, 1, 3, 4] + Array("abbc".utf8))] }),
    "manifest": FuzzTarget(texts: ["manifest": IndexSeeds.manifest]) { bytes in
      let sealed = sealed(bytes)
      if let manifest = taken({ try SealedDocument.decode(Manifest.self, from: sealed, path: "input") }) {
        _ = (manifest.info, manifest.vectorCollection)
      }
      let text = Array(bytes)
      require(
        taken { try SealedDocument.decode(FormatNumber.self, from: text, path: "input") } == nil, "no text seals itself"
      )
    },
    "serving_state": FuzzTarget(texts: ["rollout": IndexSeeds.servingState]) { bytes in
      let sealed = sealed(bytes)
      let read = taken { try SealedDocument.decode(ServingState.self, from: sealed, path: "input") }
      if let read, read.rollout?.isSound ?? true { check(read) }
    },
    "outcome_ledger": FuzzTarget(texts: ["bucket": IndexSeeds.ledger]) { bytes in
      let saved = taken { try JSONDecoder().decode(OutcomeLedger.Saved.self, from: Data(bytes)) }
      if let saved { check(saved) }
    },
    "outcome_token": FuzzTarget(run: { checkOutcome($0) }, seeds: { [("two", token.signed(by: key, index: "shop"))] }),
  ]

  /// The first byte says how many ids there are, and as many more, with one for the end, where they begin.
  private static func checkItemTable(_ bytes: UnsafeRawBufferPointer) {
    guard let count = bytes.first.map({ 1 + Int($0) % 16 }), bytes.count > count + 2 else { return }
    let offsets = (0...count).flatMap { row in withUnsafeBytes(of: UInt64(bytes[1 + row]).littleEndian) { Array($0) } }
    let ids = UnsafeRawBufferPointer(rebasing: bytes[(count + 2)...])
    offsets.withUnsafeBytes { offsets in
      FuzzedFile.with([("offsets", offsets), ("ids", ids)]) { folder in
        guard let mappedOffsets = taken({ try MappedFile(folder + "/offsets") }),
          let mappedIDs = taken({ try MappedFile(folder + "/ids") })
        else { fatalError("no mapping") }
        check(ItemTable(ids: mappedIDs, offsets: mappedOffsets, count: count))
      }
    }
  }

  private static func check(_ table: borrowing ItemTable) {
    do {
      try table.check(path: "input")
    } catch {
      return
    }
    for row in 0..<table.count {
      require(table.row(of: table.id(ofRow: row)) == row, "an id is found in its row")
      require(table.rows(of: [table.id(ofRow: row)]) == [UInt32(row)], "also by the index of many")
    }
  }

  private static func sealed(_ body: UnsafeRawBufferPointer) -> [UInt8] {
    Array(body) + Array(",\n  \"sha256\" : \"\(SHA256.hex(of: body))\"\n}\n".utf8)
  }

  /// It serves on, and is read again as it is written.
  private static func check(_ state: ServingState) {
    let now = Moment(wallMicros: 1 << 50, steadyMicros: 1 << 40)
    let later = Moment(wallMicros: 1 << 51, steadyMicros: 1 << 41)
    let serving = state.continued(atLeast: 0, now: now)
    if let rollout = serving.activeRollout {
      require(rollout.stageElapsedMicros(now: later) >= 0, "a stage has run for a time")
      _ = taken { try rollout.advanced(reason: "x", now: later).keepingTime(now: later) }
    }
    for number in [state.stable, state.previous].compactMap(\.self) { _ = state.roles(of: number) }
    guard let written = taken({ try SealedDocument.encode(state) }) else { return require(false, "it is written") }
    let again = taken { try SealedDocument.decode(ServingState.self, from: written, path: "input") }
    require(again?.rollout == state.rollout && again?.stable == state.stable, "what was written comes back")
  }

  private static func check(_ saved: OutcomeLedger.Saved) {
    var ledger = OutcomeLedger(
      stage: 1, windowMicros: 64_000_000, capacity: 10, kinds: ["buy"], continuing: saved, now: 5)
    let given = ledger.give(by: .candidate, now: 6)
    _ = ledger.report(given, item: 1, kind: "buy", now: 7)
    let kept = ledger.saved(now: 8)
    guard kept.isSound(stage: 1, windowMicros: 64_000_000) else { return }
    let again = OutcomeLedger(
      stage: 1, windowMicros: 64_000_000, capacity: 10, kinds: ["buy"], continuing: kept, now: 8)
    require(again.saved(now: 8).buckets == kept.buckets, "what was saved comes back")
    for settled in ledger.settle(now: 1 << 50) { require(settled.answers > 0, "who is counted was answered") }
  }

  private static func checkOutcome(_ bytes: UnsafeRawBufferPointer) {
    let given = Array(bytes)
    guard case .success(let read) = OutcomeToken.read(given, key: key, index: "shop") else { return }
    require(read == token && given == token.signed(by: key, index: "shop"), "nobody else signs")
  }

  private static let key: OutcomeKey = {
    guard let key = OutcomeKey(Array(1...32)) else { fatalError("32 bytes are a key") }
    return key
  }()
  private static let token = OutcomeToken(
    rollout: 3, answer: GivenAnswer(arm: .candidate, stage: 1, epoch: 2, timeMicros: 5, number: 9), items: [4, 77])
}
