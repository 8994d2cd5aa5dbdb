// SPDX-License-Identifier: Apache-2.0

import Glibc
package import Logging

/// Writes each message as one line to standard error:
///
///     2026-05-04T10:20:30.456Z INFO  llm: batch computed batch_size=4 tokens=812
///
/// Values with spaces or quotes are quoted; what could end a line or turn its direction is escaped, so that nobody's input can forge
/// one. Or as ``JSONLine`` does, by the format.
package struct LineLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level
  package var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let format: LogFormat

  package init(label: String, level: Logger.Level, format: LogFormat = .text) {
    self.label = label
    self.format = format
    self.logLevel = level
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let make = format == .json ? JSONLine.line : Self.line
    Self.write(
      make(
        UTCTime.now(), event.level, label, event.message.description,
        merged(with: event.metadata, error: event.error)))
  }

  private func merged(with more: Logger.Metadata?, error: (any Error)?) -> Logger.Metadata {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
    if let more { all.merge(more) { $1 } }
    if let error { all["error"] = "\(error)" }
    return all
  }

  static func line(
    time: UTCTime, level: Logger.Level, label: String, message: String, metadata: Logger.Metadata
  ) -> String {
    let levelName = level.rawValue.uppercased()
    let padding = String(repeating: " ", count: max(0, 5 - levelName.count))
    var line = "\(time) \(levelName)\(padding) \(label): \(LogText.escaped(message))"
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      line += " \(LogText.escaped(key))=\(quotedIfNeeded(value.description))"
    }
    return line + "\n"
  }

  private static func quotedIfNeeded(_ value: String) -> String {
    let needsQuotes = value.isEmpty || value.utf8.contains { $0 <= 0x20 || $0 == 0x22 || $0 == 0x3D || $0 == 0x7F }
    return needsQuotes ? "\"\(LogText.escaped(value, inQuotes: true))\"" : LogText.escaped(value)
  }

  /// One system call for a line, so that lines of several threads do not mix. A log that cannot be written stops nothing.
  private static func write(_ line: String) {
    var line = line
    line.withUTF8 { bytes in
      _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
    }
  }
}

extension Logger {
  /// A logger in the format of ``LineLogHandler``.
  package init(service: String, level: Logger.Level, format: LogFormat = .text) {
    self.init(label: service) { LineLogHandler(label: $0, level: level, format: format) }
  }
}

/// A moment as ISO 8601 writes it.
struct UTCTime: CustomStringConvertible {
  let seconds: Int
  let milliseconds: Int

  static func now() -> UTCTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UTCTime(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
  }

  var description: String {
    var parts = tm()
    var seconds = time_t(seconds)
    gmtime_r(&seconds, &parts)
    let date = "\(parts.tm_year + 1900)-\(Self.padded(parts.tm_mon + 1, 2))-\(Self.padded(parts.tm_mday, 2))"
    let time = "\(Self.padded(parts.tm_hour, 2)):\(Self.padded(parts.tm_min, 2)):\(Self.padded(parts.tm_sec, 2))"
    return "\(date)T\(time).\(Self.padded(Int32(milliseconds), 3))Z"
  }

  private static func padded(_ number: Int32, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
