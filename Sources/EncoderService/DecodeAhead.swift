// SPDX-License-Identifier: Apache-2.0

import Basics
import Models
import Synchronization

/// One image's way to the tower's input: decoded once, by whoever comes first.
final class ImagePreparation: Sendable {
  typealias Outcome = Result<PreparedImage, ImageError>

  private enum State {
    case waiting(SourceImage)
    case underWay
    case done(Outcome)
    /// Handed out, or given up.
    case over
  }

  private let state: Mutex<State>
  /// Posted when a preparation that another thread had begun is done.
  private let done = Semaphore()

  init(of image: SourceImage) { state = Mutex(.waiting(image)) }

  /// Prepares the image unless somebody has begun or it was given up.
  func prepare(_ prepare: (SourceImage) -> Outcome) {
    guard let image = begin() else { return }
    let outcome = prepare(image)
    state.withLock { state in
      if case .underWay = state { state = .done(outcome) }
    }
    done.post()
  }

  /// The outcome: prepared here, or by the thread that has begun, for which this one waits. Called once.
  func take(_ prepare: (SourceImage) -> Outcome) -> Outcome {
    if let image = begin() { return prepare(image) }
    done.wait()
    return state.withLock { state in
      guard case .done(let outcome) = state else { preconditionFailure("an image is taken once, and not given up") }
      state = .over
      return outcome
    }
  }

  /// Frees the image's memory; a preparation that was begun goes on, for nothing.
  func giveUp() { state.withLock { $0 = .over } }

  private func begin() -> SourceImage? {
    state.withLock { state in
      guard case .waiting(let image) = state else { return nil }
      state = .underWay
      return image
    }
  }
}

/// Prepares images that wait for the tower while it computes, in the order they came, so that its next batch is ready.
///
/// A prepared image takes some megabytes, the file it comes from a tenth: at most `limit` are prepared ahead.
final class DecodeAhead: Sendable {
  private struct State {
    /// Not begun, oldest first.
    var waiting: [ImagePreparation] = []
    /// Handed to the decoders, and neither taken nor given up.
    var ahead: Set<ObjectIdentifier> = []
  }

  private let state = Mutex(State())
  private let decoders: WorkerPool
  private let limit: Int
  private let prepare: @Sendable (SourceImage) -> ImagePreparation.Outcome

  /// - Parameter limit: images, about a batch.
  init(
    on decoders: WorkerPool, limit: Int, prepare: @escaping @Sendable (SourceImage) -> ImagePreparation.Outcome
  ) {
    self.decoders = decoders
    self.limit = limit
    self.prepare = prepare
  }

  /// Images that the tower will come for, or that are given up.
  func expect(_ preparations: [ImagePreparation]) {
    state.withLock { $0.waiting += preparations }
    prepareMore()
  }

  /// The outcomes, in order; what has not been begun is prepared now, by all decoders and the calling thread.
  func take(_ preparations: [ImagePreparation]) -> [ImagePreparation.Outcome] {
    let outcomes = decoders.map(preparations) { [prepare] in $0.take(prepare) }
    leave(preparations)
    return outcomes
  }

  /// Images that nobody will come for.
  func giveUp(_ preparations: [ImagePreparation]) {
    for preparation in preparations { preparation.giveUp() }
    leave(preparations)
  }

  private func leave(_ preparations: [ImagePreparation]) {
    let gone = Set(preparations.map(ObjectIdentifier.init))
    state.withLock { state in
      state.ahead.subtract(gone)
      state.waiting.removeAll { gone.contains(ObjectIdentifier($0)) }
    }
    prepareMore()
  }

  private func prepareMore() {
    let next = state.withLock { state in
      let room = max(0, limit - state.ahead.count)
      let next = Array(state.waiting.prefix(room))
      state.waiting.removeFirst(next.count)
      state.ahead.formUnion(next.map(ObjectIdentifier.init))
      return next
    }
    for preparation in next { decoders.add { [prepare] in preparation.prepare(prepare) } }
  }
}
