// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import Training

@Suite("One run at a time writes a run's directory") struct RunDirectoryTests {
  @Test func `A second run is refused until the first has ended`() throws {
    let temporary = try TemporaryDirectory()
    let directory = RunDirectory(temporary.path + "/run")
    try directory.create()
    try directory.whileLocked {
      let error = #expect(throws: TrainingError.self) { try directory.whileLocked {} }
      #expect(error?.code == .unwritable && error?.message.contains("another run trains here") == true)
    }
    #expect(throws: CancellationError.self) { try directory.whileLocked { throw CancellationError() } }
    try directory.whileLocked {}
  }
}
