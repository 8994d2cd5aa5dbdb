// SPDX-License-Identifier: Apache-2.0

@testable import Kernels
@testable import Models

/// Files of numbers: weights and features.
extension FuzzTarget {
  static let weights: [String: FuzzTarget] = [
    "safetensors": FuzzTarget(
      run: { bytes in
        FuzzedFile.with(bytes, named: "t") { folder in
          if let file = taken({ try SafetensorsFile(path: folder + "/t") }) { check(file.tensors) }
        }
        if bytes.count.isMultiple(of: 16) { checkSafetensorsRoundTrip(floats(bytes)) }
      },
      seeds: { [("two", safetensors([("a.weight", [2, 3], [1, 2, 3, 4, 5, 6]), ("b", [], [7])]))] }),
    "torch": FuzzTarget(
      run: { bytes in
        FuzzedFile.with(bytes, named: "t") { folder in
          if let file = taken({ try TorchFile(path: folder + "/t") }) { check(file.tensors) }
        }
      }, seeds: { TorchSeeds.all }),
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

  private static let team = ComputeTeam(threads: 1)

  private static func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
    (0..<bytes.count / 4).map { Float(bitPattern: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)) }
  }

  private static func areEqual(_ left: [Float], _ right: [Float]) -> Bool {
    left.elementsEqual(right) { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
  }

  /// What is loaded is what lies at each element's own place.
  private static func check(_ tensors: [StoredTensor]) {
    for tensor in tensors where tensor.count <= 4096 {
      if case .other = tensor.type { continue }
      let loaded = tensor.load(shape: tensor.shape, on: team).values
      require(areEqual(loaded, (0..<tensor.count).map { element($0, of: tensor) }), "elements are where they lie")
    }
  }

  private static func element(_ index: Int, of tensor: StoredTensor) -> Float {
    var (rest, place, stride) = (index, 0, 1)
    for dimension in tensor.shape.indices.reversed() {
      place += rest % tensor.shape[dimension] * (tensor.strides?[dimension] ?? stride)
      rest /= tensor.shape[dimension]
      stride *= tensor.shape[dimension]
    }
    func bits<Bits: FixedWidthInteger>(_ type: Bits.Type) -> Bits {
      guard let bits = tensor.file.integer(at: tensor.offset + place * tensor.type.size, as: type) else {
        fatalError("an element lies within its file")
      }
      return bits
    }
    return switch tensor.type {
    case .float32: Float(bitPattern: bits(UInt32.self))
    case .float16: Float(Float16(bitPattern: bits(UInt16.self)))
    case .bfloat16: Float(bitPattern: UInt32(bits(UInt16.self)) << 16)
    case .float64: Float(Double(bitPattern: bits(UInt64.self)))
    case .other: 0
    }
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
      let read = tensor.load(shape: [values.count], on: team).values
      require(areEqual(read, values), "what was written comes back")
    }
  }

  private static func numPy(_ matrix: Matrix) -> [UInt8] { FuzzedFile.bytes { try NumPyFile.write(matrix, to: $0) } }

  private static func checkNumPyRoundTrip(_ matrix: Matrix) {
    FuzzedFile.with(numPy(matrix), named: "t") { folder in
      guard let read = taken({ try NumPyFile.read(folder + "/t") }) else {
        return require(false, "what was written is read")
      }
      require(read.rows == matrix.rows && read.columns == matrix.columns, "with its shape")
      require(areEqual(read.values, matrix.values), "and its numbers")
    }
  }
}
