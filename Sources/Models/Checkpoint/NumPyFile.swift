// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// NumPy's `.npy` files of a matrix of floats, and `.npz` archives of one: features that other programs make and read. Written
/// are little-endian 32-bit floats in row-major order; read are all sizes and orders.
///
/// - Source: NumPy enhancement proposal 1, format versions 1.0 to 3.0.
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
      try OutputPlace(path).write(data)
    } catch {
      throw ModelError(
        .unwritable, "\(path) cannot be written; check the directory, its rights and the space left", cause: error)
    }
  }

  /// Reads a matrix of a `.npy` file, or the only one of a `.npz` archive.
  package static func read(_ path: String) throws(ModelError) -> Matrix {
    let file = try CheckpointFile(path: path)
    guard file.starts(with: Array("PK\u{3}\u{4}".utf8)) else {
      return try matrix(ZipArchive.Content(file: file, offset: 0, count: file.count), path: path)
    }
    var archive = try ZipArchive(file)
    var matrices: [(name: String, matrix: Matrix)] = []
    for name in archive.directory.entries.keys.sorted() {
      guard let content = try archive.content(name), isMatrix(content, path: path) else { continue }
      matrices.append((name, try matrix(content, path: "\(path), \(name)")))
    }
    guard matrices.count == 1 else {
      throw ModelError(
        .malformed,
        "\(path) holds \(matrices.count) matrices (\(matrices.map(\.name).joined(separator: ", "))); give a file of one"
      )
    }
    return matrices[0].matrix
  }

  private static func isMatrix(_ content: ZipArchive.Content, path: String) -> Bool {
    guard let found = try? header(content, path: path) else { return false }
    return found.text.contains(/'shape': *\( *[0-9]+ *, *[0-9]+ *(?:, *)?\)/)
  }

  /// The header's text, and where the elements start.
  private static func header(
    _ content: ZipArchive.Content, path: String
  ) throws(ModelError) -> (text: String, start: Int) {
    let bytes = content.file.withBytes { Array($0[content.offset..<content.offset + content.count].prefix(12)) }
    guard bytes.count >= 10, Array(bytes[..<6]) == magic, (1...3).contains(bytes[6]) else {
      throw ModelError(.malformed, "\(path) is not a .npy file of format version 1, 2 or 3")
    }
    let isLong = bytes[6] > 1 && bytes.count == 12
    let start = isLong ? 12 : 10
    let length = (isLong ? Array(bytes[8..<12]) : Array(bytes[8..<10])).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= maxHeaderBytes else {
      throw ModelError(.malformed, "\(path) has a header of \(length) bytes, a matrix's has up to \(maxHeaderBytes)")
    }
    guard start + length <= content.count, let text = content.file.text(content.offset + start, length) else {
      throw ModelError(.malformed, "\(path) ends within its header")
    }
    return (text, start + length)
  }

  private static func matrix(_ content: ZipArchive.Content, path: String) throws(ModelError) -> Matrix {
    let (text, start) = try header(content, path: path)
    let layout = try Layout(header: text, path: path)
    let (rows, columns, size) = (layout.rows, layout.columns, layout.elementBytes)
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    let available = content.count - start
    guard !overflow, count <= available / size, available == count * size else {
      throw ModelError(
        .malformed, "\(path) has \(available) bytes of data for a \(rows) x \(columns) matrix of \(size)-byte floats")
    }
    return content.file.withBytes { bytes in
      let elements = UnsafeRawBufferPointer(
        rebasing: bytes[(content.offset + start)..<(content.offset + content.count)])
      return Matrix(rows: rows, columns: columns, values: layout.values(elements))
    }
  }

  /// How a file's elements lie.
  private struct Layout {
    let rows: Int
    let columns: Int
    /// 2, 4 or 8.
    let elementBytes: Int
    let isBigEndian: Bool
    /// Columns one after the other, and not rows.
    let isColumnMajor: Bool

    init(header: String, path: String) throws(ModelError) {
      guard let type = header.firstMatch(of: /'descr': *'([<>=|]?)f([248])'/), let size = Int(type.2),
        let order = header.firstMatch(of: /'fortran_order': *(True|False)/),
        let shape = header.firstMatch(of: /'shape': *\( *([0-9]+) *, *([0-9]+) *(?:, *)?\)/), let rows = Int(shape.1),
        let columns = Int(shape.2)
      else {
        throw ModelError(
          .unsupported,
          "\(path): a matrix of 16-bit, 32-bit or 64-bit floats is read; this one is \(header.prefix(120)). Save it with "
            + "numpy.save(path, numpy.asarray(x, dtype=\"<f4\"))")
      }
      (self.rows, self.columns, elementBytes) = (rows, columns, size)
      isBigEndian = type.1 == ">"
      isColumnMajor = order.1 == "True"
    }

    func values(_ bytes: UnsafeRawBufferPointer) -> [Float] {
      if elementBytes == 4, !isBigEndian, !isColumnMajor {
        return [Float](unsafeUninitializedCapacity: rows * columns) { memory, count in
          UnsafeMutableRawBufferPointer(memory).copyMemory(from: bytes)
          count = rows * columns
        }
      }
      return (0..<rows * columns).map { place in
        let element = isColumnMajor ? place % columns * rows + place / columns : place
        return value(bytes, at: element * elementBytes)
      }
    }

    private func value(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Float {
      switch elementBytes {
      case 2: Float(Float16(bitPattern: bits(bytes, at: offset)))
      case 4: Float(bitPattern: bits(bytes, at: offset))
      default: Float(Double(bitPattern: bits(bytes, at: offset)))
      }
    }

    private func bits<Bits: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bits {
      let bits = bytes.loadUnaligned(fromByteOffset: offset, as: Bits.self)
      return isBigEndian ? Bits(bigEndian: bits) : Bits(littleEndian: bits)
    }
  }
}
