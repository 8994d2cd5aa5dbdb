// SPDX-License-Identifier: Apache-2.0

import Foundation
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

  @Test(arguments: [
    "", "not a file of numpy", "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }",
    "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }",
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
}
