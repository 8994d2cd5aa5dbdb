// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The input as files, for readers that want paths: in memory, in one folder for the whole process.
enum FuzzedFile {
  /// Between the files of an input that stands for several; no text has it.
  static let separator: UInt8 = 0x1E

  private static let folder: String = {
    let folder = "/dev/shm/illmrec-fuzz-\(getpid())"
    guard mkdir(folder, 0o700) == 0, mkdir(folder + "/rec_module", 0o700) == 0 else {
      fatalError("\(folder) cannot be made")
    }
    atexit {
      rmdir(FuzzedFile.folder + "/rec_module")
      rmdir(FuzzedFile.folder)
    }
    return folder
  }()

  /// Calls `body` with a folder in which the file is alone.
  static func with(_ bytes: UnsafeRawBufferPointer, named name: String, _ body: (_ folder: String) -> Void) {
    with([(name, bytes)], body)
  }

  /// Calls `body` with a folder in which the files are alone, all of them: those that the input has no part for are empty.
  static func with(_ bytes: UnsafeRawBufferPointer, as names: [String], _ body: (_ folder: String) -> Void) {
    let parts = bytes.split(separator: separator, maxSplits: names.count - 1, omittingEmptySubsequences: false)
    with(
      names.indices.map { place in
        (
          names[place],
          parts.indices.contains(place)
            ? UnsafeRawBufferPointer(rebasing: parts[place]) : UnsafeRawBufferPointer(start: nil, count: 0)
        )
      }, body)
  }

  static func with(
    _ files: [(name: String, bytes: UnsafeRawBufferPointer)], _ body: (_ folder: String) -> Void
  ) {
    for file in files { write(file.bytes, to: "\(folder)/\(file.name)") }
    body(folder)
    for file in files { unlink("\(folder)/\(file.name)") }
  }

  /// Leaves the folder as it found it but for the file, for bytes that were made of an input.
  static func with(_ bytes: [UInt8], named name: String, _ body: (_ folder: String) -> Void) {
    bytes.withUnsafeBytes { with($0, named: name, body) }
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to path: String) {
    let file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0o600)
    guard file >= 0, Glibc.write(file, bytes.baseAddress, bytes.count) == bytes.count else {
      fatalError("\(path) cannot be written")
    }
    close(file)
  }

  /// What `write` leaves at the path that it is given.
  static func bytes(_ write: (_ path: String) throws -> Void) -> [UInt8] {
    let path = "\(folder)/seed"
    defer { unlink(path) }
    guard (try? write(path)) != nil, let file = fopen(path, "r") else { fatalError("\(path) cannot be written") }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
  }
}
