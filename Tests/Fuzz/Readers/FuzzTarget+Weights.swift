// SPDX-License-Identifier: Apache-2.0

@testable import Kernels
@testable import Models

/// Files of numbers: weights and features.
extension FuzzTarget {
  static let weights: [String: FuzzTarget] = [
    "safetensors": FuzzTarget(
      run: { bytes in
        FuzzedFile.with(bytes, named: "t") { folder in
          if let file = taken({ try SafetensorsFile(path: folder + "/t") }) { TensorChecks.check(file.tensors) }
        }
        if bytes.count.isMultiple(of: 16) { checkSafetensorsRoundTrip(floats(bytes)) }
      },
      seeds: { [("two", safetensors([("a.weight", [2, 3], [1, 2, 3, 4, 5, 6]), ("b", [], [7])]))] }),
    "torch": FuzzTarget(
      run: { bytes in
        FuzzedFile.with(bytes, named: "t") { folder in
          if let file = taken({ try TorchFile(path: folder + "/t") }) { TensorChecks.check(file.tensors) }
        }
      }, seeds: { TorchSeeds.all }),
    // Behind these, what is found first is a length or a checksum that is wrong: here they are made for the input.
    "safetensors_header": FuzzTarget(texts: ["three": headerSeed]) { bytes in
      let (header, data) = parts(bytes)
      let file = ZipSeed.number(header.count, 8) + header + data
      FuzzedFile.with(file, named: "t") { folder in
        if let file = taken({ try SafetensorsFile(path: folder + "/t") }) { TensorChecks.check(file.tensors) }
      }
    },
    "torch_pickle": FuzzTarget(
      run: { bytes in
        FuzzedFile.with(TorchSeeds.archive(Array(bytes)), named: "t") { folder in
          if let file = taken({ try TorchFile(path: folder + "/t") }) { TensorChecks.check(file.tensors) }
        }
      }, seeds: { TorchSeeds.pickles }),
    "numpy_header": FuzzTarget(texts: ["row": numPySeed]) { bytes in
      let (header, data) = parts(bytes)
      let matrix = [0x93] + Array("NUMPY".utf8) + [1, 0] + ZipSeed.number(header.count, 2) + header + data
      for file in [matrix, ZipSeed([("x.npy", matrix)], isDeflated: true).bytes] {
        FuzzedFile.with(file, named: "t") { folder in
          if let matrix = taken({ try NumPyFile.read(folder + "/t") }) { checkNumPyRoundTrip(matrix) }
        }
      }
    },
    "numpy": FuzzTarget(
      run: { bytes in
        FuzzedFile.with(bytes, named: "t") { folder in
          if let matrix = taken({ try NumPyFile.read(folder + "/t") }) { checkNumPyRoundTrip(matrix) }
        }
      },
      seeds: {
        let matrix = numPy(Matrix(rows: 2, columns: 2, values: [1, 2, 3, 4]))
        let columns = "{'descr': '>f8', 'fortran_order': True, 'shape': (1, 2), }\n"
        return [
          ("matrix", matrix), ("archive", ZipSeed([("x.npy", matrix)]).bytes),
          ("deflated", ZipSeed([("x.npy", matrix)], isDeflated: true).bytes),
          (
            "columns",
            [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(columns.utf8.count), 0] + Array(columns.utf8)
              + [UInt8](repeating: 64, count: 16)
          ),
        ]
      }),
  ]

  private static let headerSeed =
    #"{"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}, "#
    + #""b": {"dtype": "BF16", "shape": [3], "data_offsets": [8, 14]}, "c": {"dtype": "F64", "shape": [], "#
    + #""data_offsets": [14, 22]}}"# + "\u{1E}0123456789012345678901"
  private static let numPySeed = "{'descr': '>f2', 'fortran_order': True, 'shape': (2, 3), }\n\u{1E}0123456789AB"

  /// What stands before the separator, and behind it.
  private static func parts(_ bytes: UnsafeRawBufferPointer) -> (header: [UInt8], data: [UInt8]) {
    let end = bytes.firstIndex(of: FuzzedFile.separator) ?? bytes.endIndex
    return (Array(bytes[..<end]), Array(bytes[end...].dropFirst()))
  }

  private static func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
    (0..<bytes.count / 4).map { Float(bitPattern: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)) }
  }

  private static func safetensors(_ tensors: [(String, [Int], [Float])]) -> [UInt8] {
    FuzzedFile.bytes { path in
      try SafetensorsWriter.write(
        tensors.map { SafetensorsWriter.Tensor($0.0, shape: $0.1, values: $0.2) }, to: path)
    }
  }

  private static func checkSafetensorsRoundTrip(_ values: [Float]) {
    FuzzedFile.with(safetensors([("x", [values.count], values)]), named: "t") { folder in
      guard let tensor = taken({ try SafetensorsFile(path: folder + "/t") })?.tensors.first else {
        return require(false, "what was written is read")
      }
      let read = tensor.load(shape: [values.count], on: TensorChecks.team).values
      require(TensorChecks.areEqual(read, values), "what was written comes back")
    }
  }

  private static func numPy(_ matrix: Matrix) -> [UInt8] { FuzzedFile.bytes { try NumPyFile.write(matrix, to: $0) } }

  private static func checkNumPyRoundTrip(_ matrix: Matrix) {
    FuzzedFile.with(numPy(matrix), named: "t") { folder in
      guard let read = taken({ try NumPyFile.read(folder + "/t") }) else {
        return require(false, "what was written is read")
      }
      require(read.rows == matrix.rows && read.columns == matrix.columns, "with its shape")
      require(TensorChecks.areEqual(read.values, matrix.values), "and its numbers")
    }
  }
}
