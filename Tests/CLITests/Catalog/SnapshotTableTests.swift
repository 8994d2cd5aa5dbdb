// SPDX-License-Identifier: Apache-2.0

import ServiceAPI
import SwiftProtobuf
import Testing

@testable import CLI

@Suite("The list of snapshots says which one serves") struct SnapshotTableTests {
  private let pipe = Terminal(descriptor: -1, isInteractive: false, usesColour: false)

  private func lines(_ change: (inout Encoder_ListSnapshotsResponse) -> Void) -> [String] {
    var response = Encoder_ListSnapshotsResponse.with {
      $0.catalog.id = "store"
      $0.catalogVersion = "default/versions/3"
      $0.snapshots = [3, 2].map { number in
        .with { ($0.number, $0.fingerprint) = (number, "fingerprint of \(number)") }
      }
    }
    change(&response)
    return SnapshotTable(response: response).lines(for: pipe)
  }

  @Test func `The one that the stable version was built from`() {
    let served = lines { $0.catalog.snapshot = 2 }
    #expect(served.count == 4 && served[3].contains("default/versions/3") && !served[2].contains("versions"))
    let unfollowed = lines { ($0.catalog.snapshot, $0.catalogVersion) = (3, "") }
    #expect(unfollowed[2].contains(" yes ") && !unfollowed[3].contains(" yes "))
  }

  @Test func `A number that was given again to other items does not`() {
    let given = lines { $0.missing = .with { ($0.id, $0.snapshot, $0.fingerprint) = ("store", 3, "lost, lost, lost") } }
    #expect(given.dropLast().allSatisfy { !$0.contains("default/versions/3") })
    #expect(
      given.last
        == "None of them serves: default/versions/3 was built from snapshot 3, fingerprint lost, lost, ; the snapshot of that number "
        + "holds other items. Restore a backup that holds it, or publish a snapshot of this store and promote that version."
    )
  }

  @Test func `Nor does any, where the stable version was built from another store or a later snapshot`() {
    let foreign = lines { $0.missing = .with { ($0.id, $0.snapshot) = ("other", 3) } }
    #expect(foreign.last?.contains("snapshot 3 of catalog other, and this store is catalog store. Restore") == true)
    let later = lines { $0.missing = .with { ($0.id, $0.snapshot) = ("store", 7) } }
    #expect(later.last?.contains("was built from snapshot 7. Restore") == true)
  }
}
