// SPDX-License-Identifier: Apache-2.0

import Basics
import Dispatch
import Glibc
import Synchronization

/// Looks at image files, on all processors, and remembers what it saw from one run to the next.
///
/// The memory is a text file with a line for each image, added to as the check goes on. A file counts as the same while its path,
/// size and time of change are.
struct ImageCheck {
  /// Nil when the image at this path can be used, else why not. Called from many threads.
  typealias Decoder = @Sendable (String) -> String?

  private let decode: Decoder
  private let memoryPath: String
  /// Verdicts of earlier runs; the empty text is a good one.
  private var known: [Identifier: String] = [:]
  private(set) var knownCount = 0

  private static let blockSize = 128

  init(memory path: String, decode: @escaping Decoder) throws {
    memoryPath = path
    self.decode = decode
    guard TextFile.exists(path) else { return }
    var known: [Identifier: String] = [:]
    // The last line of a killed run may be cut: it lacks its end mark.
    try TextFile(path, what: "the record of image checks").forEachLine { bytes, _ in
      let fields = String(decoding: bytes, as: UTF8.self).split(separator: "\t", omittingEmptySubsequences: false)
      if fields.count == 4, fields[3] == "." {
        known[Identifier(String(fields[1]))] = String(fields[0]) + "\t" + fields[2]
      }
    }
    self.known = known
  }

  /// - Parameter progress: told how many of `paths` are done; what it throws ends the check, and what was seen is kept.
  /// - Returns: what is wrong with each; nil for a good one.
  mutating func verdicts(of paths: [String], progress: (Int) throws -> Void) throws -> [String?] {
    var verdicts = [String?](repeating: nil, count: paths.count)
    var open: [(index: Int, mark: String)] = []
    for (index, path) in paths.enumerated() {
      let mark = Self.mark(of: path)
      if let entry = known[Identifier(path)], entry.hasPrefix(mark + "\t") {
        let verdict = String(entry.dropFirst(mark.count + 1))
        verdicts[index] = verdict.isEmpty ? nil : verdict
        knownCount += 1
      } else {
        open.append((index, mark))
      }
    }
    let memory = try DatasetError.writing { () throws(SystemCallError) in
      try OpenFile(memoryPath, O_WRONLY | O_CREAT | O_APPEND)
    }
    for start in stride(from: 0, to: open.count, by: Self.blockSize) {
      try progress(paths.count - open.count + start)
      let block = open[start..<min(start + Self.blockSize, open.count)]
      let found = decodeAll(block.map { paths[$0.index] })
      var lines = ""
      for ((index, mark), verdict) in zip(block, found) {
        verdicts[index] = verdict
        lines += "\(mark)\t\(paths[index])\t\(Self.oneLine(verdict ?? ""))\t.\n"
      }
      try DatasetError.writing { () throws(SystemCallError) in try memory.write(Array(lines.utf8)) }
    }
    try progress(paths.count)
    return verdicts
  }

  private func decodeAll(_ paths: [String]) -> [String?] {
    let results = Mutex([String?](repeating: nil, count: paths.count))
    DispatchQueue.concurrentPerform(iterations: paths.count) { index in
      let verdict = decode(paths[index])
      results.withLock { $0[index] = verdict }
    }
    return results.withLock { $0 }
  }

  /// What changes when the file does; paths with a tab are never remembered.
  private static func mark(of path: String) -> String {
    var information = stat()
    guard !path.contains("\t"), !path.contains("\n"), stat(path, &information) == 0 else { return "?" }
    return "\(information.st_size).\(information.st_mtim.tv_sec).\(information.st_mtim.tv_nsec)"
  }

  private static func oneLine(_ text: String) -> String {
    String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
  }
}
