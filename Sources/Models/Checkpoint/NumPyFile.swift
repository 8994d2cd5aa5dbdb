// SPDX-License-Identifier: Apache-2.0

import Foundation

/// NumPy's `.npy` files of little-endian 32-bit floats in row-major order: features that other programs make and read.
///
/// - Source: NumPy enhancement proposal 1, format version 1.0.
package enum NumPyFile {
  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// NumPy reads no longer ones either, unless it is told to.
  private static let maxHeaderBytes = 10_000

  /// Writes a matrix; the file appears whole or not at all.
  package static func write(_ matrix: Matrix, to path: String) throws(ModelError) {
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(matrix.rows), \(matrix.columns)), }"
    // The data starts on a multiple of 64, and a line break ends the header.
    header += String(repeating: " ", count: (64 - (magic.count + 4 + header.utf8.count + 1) % 64) % 64) + "\n"
    var data = Data(magic + [1, 0])
    data.append(contentsOf: [UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)])
    data.append(contentsOf: header.utf8)
    matrix.values.withUnsafeBytes { data.append(contentsOf: $0) }
    do {
      try data.write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw ModelError(
        .unwritable, "\(path) cannot be written; check the directory, its rights and the space left", cause: error)
    }
  }

  /// Reads a matrix.
  package static func read(_ path: String) throws(ModelError) -> Matrix {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
    } catch {
      throw ModelError(.unreadable, "\(path) cannot be read", cause: error)
    }
    let bytes = [UInt8](data.prefix(12))
    guard bytes.count >= 10, Array(bytes[..<6]) == magic, bytes[6] == 1 || bytes[6] == 2 else {
      throw ModelError(.malformed, "\(path) is not a .npy file of format version 1 or 2")
    }
    let isLong = bytes[6] == 2 && bytes.count == 12
    let start = isLong ? 12 : 10
    let length = (isLong ? Array(bytes[8..<12]) : Array(bytes[8..<10])).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard start + length <= data.count else { throw ModelError(.malformed, "\(path) ends within its header") }
    guard length <= maxHeaderBytes else {
      throw ModelError(.malformed, "\(path) has a header of \(length) bytes, a matrix's has up to \(maxHeaderBytes)")
    }
    let header = String(decoding: data[start..<start + length], as: UTF8.self)
    let (rows, columns) = try shape(in: header, path: path)
    let values = data[(start + length)...]
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard !overflow, count <= values.count / 4, values.count == count * 4 else {
      throw ModelError(
        .malformed, "\(path) has \(values.count) bytes of data for a \(rows) x \(columns) matrix of 4-byte floats")
    }
    var floats = [Float](repeating: 0, count: count)
    _ = floats.withUnsafeMutableBytes { values.copyBytes(to: $0) }
    return Matrix(rows: rows, columns: columns, values: floats)
  }

  private static func shape(in header: String, path: String) throws(ModelError) -> (Int, Int) {
    let hasFloats = header.contains("'<f4'")
    let isRowMajor = header.contains("'fortran_order': False")
    let shape = header.firstMatch(of: /'shape': *\( *([0-9]+) *, *([0-9]+) *(?:, *)?\)/)
    guard hasFloats, isRowMajor, let shape, let rows = Int(shape.1), let columns = Int(shape.2) else {
      throw ModelError(
        .unsupported,
        "\(path): a matrix of little-endian 32-bit floats in row-major order is read; this one is \(header.prefix(120)). "
          + "Save it with numpy.save(path, numpy.ascontiguousarray(x, dtype=\"<f4\"))")
    }
    return (rows, columns)
  }
}
