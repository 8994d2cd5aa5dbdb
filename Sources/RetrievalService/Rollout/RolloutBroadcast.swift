// SPDX-License-Identifier: Apache-2.0

import ServiceAPI
import ServiceSupport
import Synchronization

/// Tells those who watch rollouts what has become of them.
///
/// One task looks, ten times a second, and makes one message for all who watch an index, however many they are. Changes know nothing
/// of it, so that no decision and no rollback waits for anybody who watches. Each watcher has room for one message: who reads slowly gets
/// the newest one, and none of those between.
final class RolloutBroadcast: Sendable {
  typealias Message = Retrieval_WatchRolloutResponse
  typealias Messages = AsyncThrowingStream<Message, any Error>

  /// What is told of an index.
  struct Source: Sendable {
    /// Changes with every change of what serves; quick to ask.
    let generation: @Sendable (String) throws -> UInt64
    let message: @Sendable (String) async throws -> Message
  }

  /// A watcher's end of the line.
  struct Line: Sendable {
    let messages: Messages
    /// Ends the messages. May be called at any time, more than once.
    let end: @Sendable () -> Void
  }

  private struct Watcher {
    let line: Messages.Continuation
    let interval: Duration
    /// What it was told last, and when.
    var generation: UInt64
    var told: ContinuousClock.Instant

    func isDue(_ generation: UInt64, now: ContinuousClock.Instant) -> Bool {
      self.generation != generation || now - told >= interval
    }
  }

  private struct State {
    /// By index and number.
    var watchers: [String: [UInt64: Watcher]] = [:]
    var lastNumber: UInt64 = 0
    var isLooking = false
    /// Set when the server drains.
    var hasEnded = false
  }

  static let pause = Duration.milliseconds(100)
  /// Watchers who are woken at once. Those who wait for an answer to a call have the threads between.
  private static let portion = 32

  private let source: Source
  private let state = Mutex(State())

  init(_ source: Source) { self.source = source }

  /// Begins to watch: the first message is of now, the next at the next change, and one at each interval.
  func watch(_ index: String, interval: Duration) async throws -> Line {
    let first = try await source.message(index)
    let (messages, line) = Messages.makeStream(bufferingPolicy: .bufferingNewest(1))
    line.yield(first)
    let watcher = Watcher(
      line: line, interval: interval, generation: first.servingState.generation, told: .now)
    let (number, begins) = try state.withLock { state in
      if state.hasEnded { throw Self.shuttingDown }
      state.lastNumber += 1
      state.watchers[index, default: [:]][state.lastNumber] = watcher
      defer { state.isLooking = true }
      return (state.lastNumber, !state.isLooking)
    }
    if begins { Task.detached { [weak self] in await self?.look() } }
    return Line(messages: messages) { [weak self] in
      line.finish()
      self?.state.withLock { state in
        state.watchers[index]?[number] = nil
        if state.watchers[index]?.isEmpty == true { state.watchers[index] = nil }
      }
    }
  }

  /// Ends every watch with UNAVAILABLE, now and from now on: a call without an end of its own must not hold a shutdown up.
  func endAll() {
    let lines = state.withLock { state in
      state.hasEnded = true
      defer { state.watchers = [:] }
      return state.watchers.values.flatMap(\.values).map(\.line)
    }
    for line in lines { line.finish(throwing: Self.shuttingDown) }
  }

  private static var shuttingDown: ServiceFailure {
    ServiceFailure(.shuttingDown, "the server is shutting down; watch again when it is back")
  }

  /// Until nobody watches any more.
  private func look() async {
    while true {
      let indexes = state.withLock { state in
        state.isLooking = !state.watchers.isEmpty
        return Array(state.watchers.keys)
      }
      if indexes.isEmpty { return }
      for index in indexes { await tell(index) }
      try? await Task.sleep(for: Self.pause)
    }
  }

  private func tell(_ index: String) async {
    do {
      let generation = try source.generation(index)
      let isAnyDue = state.withLock { state in
        state.watchers[index]?.values.contains { $0.isDue(generation, now: .now) } ?? false
      }
      guard isAnyDue else { return }
      await send(try await source.message(index), of: index)
    } catch {
      let lines = state.withLock { $0.watchers.removeValue(forKey: index).map { $0.values.map(\.line) } ?? [] }
      for line in lines { line.finish(throwing: error) }
    }
  }

  private func send(_ message: Message, of index: String) async {
    let (generation, now) = (message.servingState.generation, ContinuousClock.now)
    var due = state.withLock { state in
      state.watchers[index]?.filter { $0.value.isDue(generation, now: now) }.map(\.key) ?? []
    }[...]
    while !due.isEmpty {
      let lines = state.withLock { state in
        due.prefix(Self.portion).compactMap { number in
          state.watchers[index]?[number]?.generation = generation
          state.watchers[index]?[number]?.told = now
          return state.watchers[index]?[number]?.line
        }
      }
      for line in lines { line.yield(message) }
      due = due.dropFirst(Self.portion)
      if !due.isEmpty { try? await Task.sleep(for: .milliseconds(1)) }
    }
  }
}
