// SPDX-License-Identifier: Apache-2.0

import Basics
import Digest
import Foundation
import Kernels

extension PackedFile {
  /// Writes a file that appears whole or not at all: under another name first, on the disk, then renamed.
  ///
  /// - Parameter progress: told the bytes that were written, of how many.
  static func write(
    _ matrices: [Matrix], identity: Identity, to path: String, progress: (Int, Int) -> Void
  ) throws(ModelError) {
    let header = try prefix(matrices, identity)
    try explainingSystemCalls { () throws(SystemCallError) in
      let file = try AtomicFile(path, suffix: ".tmp")
      try file.write(header)
      let total = matrices.reduce(0) { $0 + $1.matrix.byteCount }
      var done = 0
      for matrix in matrices {
        try matrix.matrix.withBytes { bytes throws(SystemCallError) in try file.write(bytes) }
        let bytes = matrix.matrix.byteCount
        try file.write([UInt8](repeating: 0, count: roundUp(bytes) - bytes))
        done += bytes
        progress(done, total)
      }
      try file.commit()
    }
  }

  private static func explainingSystemCalls(_ body: () throws(SystemCallError) -> Void) throws(ModelError) {
    do {
      try body()
    } catch {
      guard !error.isHeldLock else {
        throw ModelError(.unwritable, "\(error.path) is being written by another process")
      }
      throw ModelError(
        .unwritable,
        "\(error.path) cannot be written: \(error.reason); check the directory's rights and the space left")
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
}
