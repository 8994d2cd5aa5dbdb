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
    // Files that a killed process left are overwritten by the next; two processes never share one.
    let temporary = "\(path).\(getpid()).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(temporary, "made", errno) }
    do throws(ModelError) {
      defer { close(descriptor) }
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
