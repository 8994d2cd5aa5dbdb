// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// What a file says, read again when the file changes. A file that cannot be used leaves what was.
///
/// Whoever asks looks at the file's metadata, at most every quarter of a second; a changed one is read by that caller, while the others
/// wait the moment that it takes.
package final class FollowedFile<Value: Sendable>: Sendable {
  /// Told of a change: nil for one that is in use, else why it is not.
  package typealias Report = @Sendable (SettingsError?) -> Void
  package typealias Reader = @Sendable (FileContents) throws(SettingsError) -> Value

  private struct State {
    var value: Value
    var stamp: FileStamp?
    var bytes: [UInt8]
    var looked: ContinuousClock.Instant
    /// Of the file that was last refused, so that it is told once.
    var refused: FileStamp?
  }

  package let path: String
  private let read: Reader
  private let report: Report
  private let state: Mutex<State>

  /// - Throws: when the file cannot be used at the start.
  package init(_ path: String, report: @escaping Report, read: @escaping Reader) throws(SettingsError) {
    self.path = path
    self.read = read
    self.report = report
    let stamp = FileStamp(of: path)
    let contents = try FileContents(of: path)
    state = Mutex(State(value: try read(contents), stamp: stamp, bytes: contents.bytes, looked: .now))
  }

  /// As the file says now, or said when it could be used last.
  package var current: Value { value(at: .now) }

  package func value(at now: ContinuousClock.Instant) -> Value {
    let (value, told): (Value, Result<Void, SettingsError>?) = state.withLock { state in
      guard now - state.looked >= .milliseconds(250) else { return (state.value, nil) }
      state.looked = now
      let told = follow(&state)
      return (state.value, told)
    }
    switch told {
    case .success: report(nil)
    case .failure(let problem): report(problem)
    case nil: break
    }
    return value
  }

  private func follow(_ state: inout State) -> Result<Void, SettingsError>? {
    let stamp = FileStamp(of: path)
    guard stamp != state.stamp || stamp?.isSettled != true else { return nil }
    do throws(SettingsError) {
      let contents = try FileContents(of: path)
      let isNew = contents.bytes != state.bytes || state.refused != nil
      state.value = isNew ? try read(contents) : state.value
      (state.stamp, state.bytes, state.refused) = (stamp, contents.bytes, nil)
      return isNew ? .success(()) : nil
    } catch {
      // The stamp of a file that is gone is as good as any to tell it once.
      let refused = stamp ?? FileStamp()
      defer { state.refused = refused }
      return state.refused == refused ? nil : .failure(error)
    }
  }
}

/// A file's bytes, and who may read it.
package struct FileContents: Sendable {
  /// Files of settings are small: a larger one is another file.
  static let maxBytes = 4 << 20

  package let path: String
  package let bytes: [UInt8]
  /// The permission bits.
  package let mode: UInt32

  init(of path: String) throws(SettingsError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.failure(path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failure(path) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= Self.maxBytes {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure(path) }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    guard bytes.count <= Self.maxBytes else { throw SettingsError("\(path) is larger than 4 MiB; name the right file") }
    self.path = path
    self.bytes = bytes
    mode = status.st_mode & 0o7777
  }

  private static func failure(_ path: String) -> SettingsError {
    SettingsError("\(path) cannot be read: \(String(cString: strerror(errno)))")
  }
}

/// Which file lies at a path, and in what state.
private struct FileStamp: Equatable {
  var device: UInt64 = 0
  var file: UInt64 = 0
  var size: Int64 = 0
  var seconds: Int = 0
  var nanoseconds: Int = 0
  var changedSeconds: Int = 0
  var changedNanoseconds: Int = 0

  init() {}

  /// Nil where there is none.
  init?(of path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    file = UInt64(status.st_ino)
    size = Int64(status.st_size)
    (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    (changedSeconds, changedNanoseconds) = (status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
  }

  /// File systems count changes in steps of some milliseconds: one that changed just now may have changed since.
  var isSettled: Bool { max(seconds, changedSeconds) + 2 < Glibc.time(nil) }
}
