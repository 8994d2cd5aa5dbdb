import Digest
import Foundation
import Glibc
import Kernels

extension PackedFile {
  /// Writes a file that appears whole or not at all: under another name first, on the disk, then renamed.
  ///
  /// - Parameter progress: told the bytes that were written, of how many.
  static func write(
    _ matrices: [Matrix], identity: Identity, to path: String, progress: (Int, Int) -> Void
  ) throws(ModelError) {
    let header = try prefix(matrices, identity)
    let temporary = path + ".tmp"
    let descriptor = try openAlone(temporary)
    defer { close(descriptor) }
    do throws(ModelError) {
      try write(header, to: descriptor, temporary)
      let total = matrices.reduce(0) { $0 + $1.matrix.byteCount }
      var done = 0
      for matrix in matrices {
        try matrix.matrix.withBytes { bytes throws(ModelError) in try write(bytes, to: descriptor, temporary) }
        try pad(after: matrix.matrix.byteCount, descriptor, temporary)
        done += matrix.matrix.byteCount
        progress(done, total)
      }
      guard fsync(descriptor) == 0 else { throw failure(temporary, "written", errno) }
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, path) == 0 else {
      let number = errno
      unlink(temporary)
      throw failure(path, "replaced", number)
    }
  }

  /// Opens a file that one process at a time writes, and empties it of what a killed one left.
  ///
  /// - Returns: a descriptor that holds the lock until it is closed.
  private static func openAlone(_ path: String) throws(ModelError) -> Int32 {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(path, "made", errno) }
    do throws(ModelError) {
      // Who waited for the lock may hold a file that has been renamed since: the name must still be this file's.
      var opened = stat(), named = stat()
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &opened) == 0, stat(path, &named) == 0,
        opened.st_ino == named.st_ino, opened.st_dev == named.st_dev
      else { throw ModelError(.unwritable, "\(path) is being written by another process") }
      // EINVAL: not a regular file, which has nothing to empty.
      guard ftruncate(descriptor, 0) == 0 || errno == EINVAL else { throw failure(path, "emptied", errno) }
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Everything before the first matrix, padded to a page.
  private static func prefix(_ matrices: [Matrix], _ identity: Identity) throws(ModelError) -> [UInt8] {
    // Offsets are in the header, whose length they decide: enough pages for it are set aside.
    let room = roundUp(headerStart + 1024 + matrices.reduce(0) { $0 + $1.name.utf8.count + 256 })
    var offset = room
    var entries: [Entry] = []
    for matrix in matrices {
      entries.append(
        Entry(
          name: matrix.name, precision: matrix.matrix.precision, outputs: matrix.matrix.outputs,
          inputs: matrix.matrix.inputs, offset: offset, sha256: matrix.matrix.withBytes { SHA256.hex(of: $0) }))
      offset += roundUp(matrix.matrix.byteCount)
    }
    let json: Data
    do {
      // In one order, so that equal matrices give equal files.
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      json = try encoder.encode(Header(identity: identity, matrices: entries))
    } catch {
      throw ModelError(.invalidInput, "the header of packed matrices cannot be written as JSON", cause: error)
    }
    precondition(headerStart + json.count <= room, "a header of \(json.count) bytes in \(room)")
    var data: [UInt8] = []
    withUnsafeBytes(of: magic.littleEndian) { data.append(contentsOf: $0) }
    withUnsafeBytes(of: version.littleEndian) { data.append(contentsOf: $0) }
    withUnsafeBytes(of: UInt32(PackedMatrix.layout).littleEndian) { data.append(contentsOf: $0) }
    withUnsafeBytes(of: UInt64(json.count).littleEndian) { data.append(contentsOf: $0) }
    withUnsafeBytes(of: headerSum(json).littleEndian) { data.append(contentsOf: $0) }
    data.append(contentsOf: json)
    data.append(contentsOf: repeatElement(UInt8(0), count: room - data.count))
    return data
  }

  private static func roundUp(_ bytes: Int) -> Int { (bytes + page - 1) / page * page }

  private static func pad(after bytes: Int, _ descriptor: Int32, _ path: String) throws(ModelError) {
    try write([UInt8](repeating: 0, count: roundUp(bytes) - bytes), to: descriptor, path)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(ModelError) {
    try bytes.withUnsafeBufferPointer { bytes throws(ModelError) in
      try write(UnsafeRawBufferPointer(bytes), to: descriptor, path)
    }
  }

  private static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String
  ) throws(ModelError) {
    var rest = bytes[...]
    while let base = UnsafeRawBufferPointer(rebasing: rest).baseAddress, !rest.isEmpty {
      let count = Glibc.write(descriptor, base, rest.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure(path, "written", errno) }
      rest = rest.dropFirst(count)
    }
  }

  private static func failure(_ path: String, _ action: String, _ number: Int32) -> ModelError {
    ModelError(
      .unwritable,
      "\(path) cannot be \(action): \(String(cString: strerror(number))); check the directory's rights and the space left"
    )
  }
}
