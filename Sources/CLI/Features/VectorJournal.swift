// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// Vectors of texts that are done, on disk as soon as they are: what lets long work go on where it was stopped.
///
/// A header line names the encoder; then a record for each text: the SHA-256 of the text and its vector. A record that a
/// kill cut short is dropped. Used by one thread.
final class VectorJournal {
  private let path: String
  private let width: Int
  private let file: FileHandle
  /// By the digest of the text.
  private(set) var vectors: [[UInt8]: [Float]] = [:]

  private static let keyBytes = 32

  /// Opens the journal, and reads what is in it when it is of the same encoder; another's is begun anew.
  ///
  /// - Parameter identity: of the encoder, without line breaks.
  init(path: String, identity: String, width: Int) throws(CLIError) {
    self.path = path
    self.width = width
    let header = Data("illmrec text vectors 1 \(identity) \(width)\n".utf8)
    let found = (try? Data(contentsOf: URL(filePath: path))) ?? Data()
    let record = Self.keyBytes + width * 4
    let isOurs = found.starts(with: header)
    let count = isOurs ? (found.count - header.count) / record : 0
    let end = header.count + count * record
    do {
      try (isOurs ? found.prefix(end) : header).write(to: URL(filePath: path), options: .atomic)
      file = try FileHandle(forWritingTo: URL(filePath: path))
      try file.seekToEnd()
    } catch {
      throw CLIError(.fileAccess, "\(path): cannot be written: \(ErrorText.of(error))", cause: error)
    }
    for start in stride(from: header.count, to: end, by: record) {
      let key = Array(found[start..<start + Self.keyBytes])
      var vector = [Float](repeating: 0, count: width)
      _ = vector.withUnsafeMutableBytes { found[(start + Self.keyBytes)..<start + record].copyBytes(to: $0) }
      vectors[key] = vector
    }
  }

  /// Keeps vectors and writes them.
  ///
  /// - Throws: CLIError when they cannot be written, such as on a full disk; what was written before stays.
  func append(_ entries: [(key: [UInt8], vector: [Float])]) throws(CLIError) {
    var bytes = Data()
    for (key, vector) in entries {
      precondition(key.count == Self.keyBytes && vector.count == width)
      vectors[key] = vector
      bytes.append(contentsOf: key)
      vector.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
    do {
      try file.write(contentsOf: bytes)
    } catch {
      throw CLIError(.fileAccess, "\(path): cannot be written: \(ErrorText.of(error))", cause: error)
    }
  }

  /// Removes the file: the work is done.
  func remove() {
    try? file.close()
    try? FileManager.default.removeItem(atPath: path)
  }
}
