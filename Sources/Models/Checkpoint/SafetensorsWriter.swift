// SPDX-License-Identifier: Apache-2.0

import Basics
import FoundationEssentials

/// Writes `.safetensors` files of 32-bit floats.
package enum SafetensorsWriter {
  /// One tensor to write.
  package struct Tensor: Sendable {
    package let name: String
    package let shape: [Int]
    /// Row-major, as many as `shape` has elements.
    package let values: [Float]

    /// - Precondition: as many values as `shape` has elements.
    package init(_ name: String, shape: [Int], values: [Float]) {
      precondition(values.count == shape.reduce(1, *), "\(name): \(values.count) values for \(shape)")
      self.name = name
      self.shape = shape
      self.values = values
    }
  }

  /// Writes `tensors` in their order; the file appears whole or not at all.
  ///
  /// - Precondition: names differ.
  package static func write(
    _ tensors: [Tensor], to path: String, metadata: [String: String] = ["format": "pt"]
  ) throws(ModelError) {
    precondition(Set(tensors.map(\.name)).count == tensors.count, "two tensors have the same name")
    var data = try header(tensors, metadata: metadata)
    for tensor in tensors {
      tensor.values.withUnsafeBytes { data.append(contentsOf: $0) }
    }
    do {
      try OutputPlace(path).write(data)
    } catch {
      throw ModelError(
        .unwritable, "\(path) cannot be written; check the directory, its rights and the space left", cause: error)
    }
  }

  /// The length and the JSON, padded with spaces so that the data starts on a multiple of 8.
  private static func header(_ tensors: [Tensor], metadata: [String: String]) throws(ModelError) -> Data {
    struct Entry: Encodable {
      let dtype = "F32"
      let shape: [Int]
      let dataOffsets: [Int]

      private enum CodingKeys: String, CodingKey {
        case dtype, shape
        case dataOffsets = "data_offsets"
      }
    }
    var fields: [String: any Encodable] = [:]
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.values.count * 4
      fields[tensor.name] = Entry(shape: tensor.shape, dataOffsets: [offset, end])
      offset = end
    }
    if !metadata.isEmpty { fields["__metadata__"] = metadata }
    var json = try JSONText.encode(fields)
    json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
    var data = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
    data.append(json)
    return data
  }
}
