// SPDX-License-Identifier: Apache-2.0

import ServiceAPI
import SwiftProtobuf
import Testing

@testable import CLI

@Suite("Enumerations of the contract have titles") struct EnumerationTitleTests {
  @Test
  func `A gate is called by its kind, and by its text where a server of before the enumeration sends no kind`() {
    let click = Retrieval_GateReading.with { ($0.kind, $0.outcomeKind) = (.outcome, "click") }
    let old = Retrieval_GateReading.with { $0.gate = "outcome click" }
    let newer = Retrieval_GateReading.with { ($0.kind, $0.gate) = (.UNRECOGNIZED(99), "coverage") }
    #expect([click, old, newer].map(\.title) == ["outcome click", "outcome click", "coverage"])
  }

  @Test
  func `An audit entry is called by its kind, or by its text`() {
    #expect(Retrieval_AuditEntry.with { $0.kind = .rolloutPaused }.title == "rollout_paused")
    #expect(Retrieval_AuditEntry.with { $0.action = "promoted" }.title == "promoted")
  }
}
