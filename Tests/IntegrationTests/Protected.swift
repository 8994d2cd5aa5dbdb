import Synchronization

/// A value behind a lock that can be captured.
final class Protected<Value: Sendable>: Sendable {
  private let stored: Mutex<Value>

  init(_ value: Value) { stored = Mutex(value) }

  var value: Value { stored.withLock(\.self) }

  func update(_ change: @Sendable (inout Value) -> Void) { stored.withLock { change(&$0) } }
}
