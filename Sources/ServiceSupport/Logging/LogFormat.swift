// SPDX-License-Identifier: Apache-2.0

import Logging

/// How a log is written.
package enum LogFormat: String, CaseIterable, Sendable {
  /// For people.
  case text
  /// An object a line, for programs.
  case json
}

/// One message as an object of JSON on a line:
///
///     {"time":"2026-05-04T10:20:30.456Z","level":"info","service":"llm","message":"serving","port":"50052"}
///
/// Metadata stand beside the message, as texts; a key of theirs that is one of these four has an underscore after it.
enum JSONLine {
  private static let own: Set = ["time", "level", "service", "message"]

  static func line(
    time: UTCTime, level: Logger.Level, label: String, message: String, metadata: Logger.Metadata
  ) -> String {
    var members = [
      ("time", time.description), ("level", level.rawValue), ("service", label), ("message", message),
    ]
    for (key, value) in metadata.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      members.append((own.contains(key) ? "\(key)_" : key, value.description))
    }
    return "{" + members.map { "\(LogText.json($0.0)):\(LogText.json($0.1))" }.joined(separator: ",") + "}\n"
  }
}
