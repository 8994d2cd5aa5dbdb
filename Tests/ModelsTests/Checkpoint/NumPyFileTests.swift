// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Models
import TestSupport
import Testing

@Suite("NumPy files are read and written") struct NumPyFileTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test func `What is written is read`() throws {
    let matrix = Matrix(rows: 2, columns: 3, values: [1, -2, 0.5, .infinity, 4, 1e-30])
    let path = directory.path + "/m.npy"
    try NumPyFile.write(matrix, to: path)
    #expect(try NumPyFile.read(path) == matrix)
    let bytes = try Data(contentsOf: URL(filePath: path))
    #expect((bytes.count - 24) % 64 == 0 && bytes[bytes.count - 25] == UInt8(ascii: "\n"))
  }

  @Test func `An empty matrix has no data`() throws {
    let path = directory.path + "/m.npy"
    try NumPyFile.write(Matrix(rows: 0, columns: 5), to: path)
    #expect(try NumPyFile.read(path) == Matrix(rows: 0, columns: 5))
  }

  /// The matrix [[1, -2, 0.5], [4, 65504, -0.25]] as `numpy.save` writes it.
  @Test(arguments: ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "=f4"], [false, true])
  func `Floats of any size and order are read`(type: String, isColumnMajor: Bool) throws {
    let matrix = Matrix(rows: 2, columns: 3, values: [1, -2, 0.5, 4, 65504, -0.25])
    let values: [Float] = isColumnMajor ? [1, 4, -2, 65504, 0.5, -0.25] : matrix.values
    let header = "{'descr': '\(type)', 'fortran_order': \(isColumnMajor ? "True" : "False"), 'shape': (2, 3), }\n"
    var bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
    for value in values {
      let element: [UInt8] =
        switch type.last {
        case "2": Float16(value).bitPattern.littleEndianBytes
        case "4": value.bitPattern.littleEndianBytes
        default: Double(value).bitPattern.littleEndianBytes
        }
      bytes += type.hasPrefix(">") ? element.reversed() : element
    }
    #expect(try NumPyFile.read(try directory.write(bytes, to: "m.npy")) == matrix)
  }

  @Test(arguments: [
    "", "not a file of numpy", "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }",
    "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }",
    "{'descr': '<f4', 'fortran_order': None, 'shape': (1, 1), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4), }",
  ]) func `Other files are refused`(header: String) throws {
    let path = directory.path + "/m.npy"
    var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0])
    data.append(contentsOf: header.utf8)
    data.append(contentsOf: [0, 0, 128, 63])
    try data.write(to: URL(filePath: path))
    #expect { try NumPyFile.read(path) } throws: { ($0 as? ModelError)?.message.contains(path) ?? false }
    try Data(data.prefix(9)).write(to: URL(filePath: path))
    #expect(throws: ModelError.self) { try NumPyFile.read(path) }
  }

  @Test(arguments: ["(1, 1)", "(1,1)", "( 1 , 1 )", "(1, 1,)", "(1, 1 , )"])
  func `A shape may be spaced as one likes`(_ shape: String) throws {
    #expect(try NumPyFile.read(file(shape: shape)) == Matrix(rows: 1, columns: 1, values: [1]))
  }

  @Test func `A header that no matrix has is refused at once`() throws {
    let path = try file(shape: "(1, 1" + String(repeating: " ", count: 60_000))
    let start = Self.threadSeconds()
    #expect { try NumPyFile.read(path) } throws: { ($0 as? ModelError)?.message.contains("a header of 60") ?? false }
    // From each of the 60,000 spaces on, each was tried as the last one before the shape's end: minutes.
    #expect(Self.threadSeconds() - start < 10)
  }

  /// Of format version 1, with this shape in its header and one number.
  private func file(shape: String) throws -> String {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }"
    var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
    data.append(contentsOf: [UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)])
    data.append(contentsOf: header.utf8)
    data.append(contentsOf: [0, 0, 128, 63])
    let path = directory.path + "/shape.npy"
    try data.write(to: URL(filePath: path))
    return path
  }

  /// CPU time of this thread: the machine may be busy.
  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
