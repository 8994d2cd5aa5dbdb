// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Basics

@Suite("A semaphore counts its posts") struct SemaphoreTests {
  @Test func `A post before the wait is not lost`() {
    let semaphore = Semaphore()
    semaphore.post()
    semaphore.post()
    semaphore.wait()
    #expect(semaphore.wait(for: .zero))
    #expect(!semaphore.wait(for: .zero))
  }

  @Test func `A bounded wait ends without a post`() {
    let semaphore = Semaphore()
    #expect(!semaphore.wait(for: .milliseconds(20)))
    #expect(!semaphore.wait(for: .seconds(-1)))
  }

  @Test func `A bounded wait ends with a post of another thread`() async throws {
    let semaphore = Semaphore()
    let thread = try DedicatedThread(name: "test") { semaphore.post() }
    #expect(semaphore.wait(for: .seconds(600)))
    await thread.join()
  }
}
