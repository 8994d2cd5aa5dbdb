// SPDX-License-Identifier: Apache-2.0

import Basics
import Digest
import FoundationEssentials
import Glibc

/// `audit.jsonl` of an index: one line a change, appended and made durable, never rewritten.
///
/// Each line is a JSON object that ends with the SHA-256 of what stands before it. A line that a crash tore is skipped, and
/// the next one begins on a line of its own; the change that it should have told stands in `serving.json` and is appended
/// again at the next start.
struct AuditLog {
  static let fileName = "audit.jsonl"
  /// More is not read at once; at some 400 bytes a line that is 150,000 changes.
  private static let maxBytes = 64 << 20
  private static let tailStart = ",\"sha256\":\""
  private static let tailEnd = "\"}"

  let path: String
  /// The directory that the file is in.
  let directory: String
  let disk: Disk

  /// Adds an entry and makes it durable.
  func append(_ entry: AuditEntry) throws(VectorIndexError) {
    let line = try Self.line(entry)
    let faults = disk.faults
    try explainingSystemCalls { () throws(SystemCallError) in
      let file = try OpenFile(
        path, O_RDWR | O_CREAT | O_APPEND, mode: 0o600, fault: faults.fault(at: .writeAudit))
      var status = stat()
      guard fstat(file.descriptor, &status) == 0 else { throw SystemCallError("stat", path, errno: errno) }
      let start: [UInt8] = endsLine(file.descriptor, size: Int(status.st_size)) ? [] : [UInt8(ascii: "\n")]
      try file.write(start + line, fault: faults.fault(at: .writeAudit))
      try file.sync(fault: faults.fault(at: .syncAudit))
      if status.st_size == 0 { try DirectoryEntries.sync(directory, fault: faults.fault(at: .syncAudit)) }
    }
  }

  /// The entries, oldest first, and how many lines are none.
  func read() throws(VectorIndexError) -> (entries: [AuditEntry], torn: Int) {
    if access(path, F_OK) != 0 && errno == ENOENT { return ([], 0) }
    let bytes = try ReadableFile(opening: path).readAll(atMost: Self.maxBytes)
    var entries: [AuditEntry] = []
    var torn = 0
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let entry = Self.entry(Array(line)) else {
        torn += 1
        continue
      }
      // An entry that was appended again, because nobody knew whether it had become durable.
      if entry.number > entries.last?.number ?? 0 { entries.append(entry) }
    }
    return (entries, torn)
  }

  private func endsLine(_ descriptor: Int32, size: Int) -> Bool {
    var last: UInt8 = 0
    return size == 0 || pread(descriptor, &last, 1, size - 1) == 1 && last == UInt8(ascii: "\n")
  }

  private static func line(_ entry: AuditEntry) throws(VectorIndexError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json: Data
    do { json = try encoder.encode(entry) } catch {
      throw VectorIndexError(.invalidChange, "it cannot be written as JSON: \(error)", cause: error)
    }
    let body = Array(json.dropLast())
    let digest = body.withUnsafeBytes { SHA256.hex(of: $0) }
    return body + Array("\(tailStart)\(digest)\(tailEnd)\n".utf8)
  }

  private static func entry(_ line: [UInt8]) -> AuditEntry? {
    let tailLength = tailStart.utf8.count + 64 + tailEnd.utf8.count
    let body = line.dropLast(tailLength)
    let digest = body.withUnsafeBytes { SHA256.hex(of: $0) }
    guard Array(line.suffix(tailLength)) == Array("\(tailStart)\(digest)\(tailEnd)".utf8) else { return nil }
    return try? JSONDecoder().decode(AuditEntry.self, from: Data(line))
  }
}
