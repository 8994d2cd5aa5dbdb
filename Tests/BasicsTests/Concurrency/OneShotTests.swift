// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Basics

@Suite("A one-shot carries one result") struct OneShotTests {
  struct Broken: Error {}

  @Test func `A value delivered before the wait is taken at once`() async throws {
    let shot = OneShot<Int>()
    shot.resolve(.success(7))
    #expect(try await shot.value() == 7)
  }

  @Test func `The first result counts`() async {
    let shot = OneShot<Int>()
    shot.resolve(.failure(Broken()))
    shot.resolve(.success(7))
    await #expect(throws: Broken.self) { try await shot.value() }
    shot.resolve(.success(8))
  }

  @Test func `A waiting task gets the value of another`() async throws {
    let shot = OneShot<Int>()
    async let value = shot.value()
    await Task.yield()
    shot.resolve(.success(7))
    #expect(try await value == 7)
  }

  @Test func `A cancelled task waits no longer`() async {
    let shot = OneShot<Int>()
    let task = Task { try await shot.value() }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }
}
