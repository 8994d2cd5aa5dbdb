import Digest
import FoundationEssentials
import Glibc

/// `audit.jsonl` of an index: one line a change, appended and made durable, never rewritten.
///
/// Each line is a JSON object that ends with the SHA-256 of what stands before it. A line that a crash tore is skipped, and
/// the next one begins on a line of its own; the change that it should have told stands in `rollout.json` and is appended
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
    try disk.refuse("open", path, at: .writeAudit)
    let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw .systemCall("open", path, errno: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .systemCall("stat", path, errno: errno) }
    let start: [UInt8] = endsLine(descriptor, size: Int(status.st_size)) ? [] : [UInt8(ascii: "\n")]
    try disk.append(start + Self.line(entry), to: descriptor, path: path, at: .writeAudit)
    try disk.refuse("fsync", path, at: .syncAudit)
    if fsync(descriptor) != 0 { throw .systemCall("fsync", path, errno: errno) }
    if status.st_size == 0 { try disk.syncDirectory(directory, at: .syncAudit) }
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

extension Disk {
  /// Writes all bytes at the end of an open file.
  func append(
    _ bytes: [UInt8], to descriptor: Int32, path: String, at step: StorageStep
  ) throws(VectorIndexError) {
    var wanted = bytes[...]
    var broken: Int32?
    switch faults.fault(at: step) {
    case .failure(let errno): throw .systemCall("write", path, errno: errno)
    case .shortWrite(let errno):
      wanted = bytes.prefix(bytes.count / 2)
      broken = errno
    case nil: break
    }
    while !wanted.isEmpty {
      let count = wanted.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw .systemCall("write", path, errno: errno)
      }
      wanted = wanted.dropFirst(count)
    }
    if let broken { throw .systemCall("write", path, errno: broken) }
  }
}
