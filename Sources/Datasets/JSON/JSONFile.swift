// SPDX-License-Identifier: Apache-2.0

/// A JSON file read by a cursor, with errors that name it.
struct JSONFile {
  let file: TextFile

  init(_ path: String, what: String) { file = TextFile(path, what: what) }

  /// Calls `body` with a cursor at the beginning; nothing but white space may follow what it reads.
  func read(_ body: (inout JSONCursor) throws -> Void) throws {
    let bytes = try file.bytes()
    try bytes.withUnsafeBufferPointer { buffer in
      var cursor = JSONCursor(borrowing: buffer)
      do {
        try body(&cursor)
        try cursor.finish()
      } catch let problem as JSONProblem {
        throw DatasetError(.malformed, "\(file.path):\(Self.place(of: problem.offset, in: buffer)): \(problem.message)")
      }
    }
  }

  /// "line:column" in bytes; these files are often a single line.
  private static func place(of offset: Int, in bytes: UnsafeBufferPointer<UInt8>) -> String {
    let before = bytes[..<min(offset, bytes.count)]
    let line = before.count { $0 == 0x0A } + 1
    let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return "\(line):\(before.count - start + 1)"
  }
}
