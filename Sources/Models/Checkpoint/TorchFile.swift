// SPDX-License-Identifier: Apache-2.0

/// A PyTorch file (`.bin`, `.pth`, `.pt`): a zip archive of a pickle that describes tensors, and their storages.
///
/// Opening it reads the archive's directory and the pickle; the tensors stay in the mapped file. No code of the file
/// runs, see `PickleInterpreter`.
package struct TorchFile: Sendable {
  package let path: String
  /// In the order of the pickle. A lone tensor has an empty name.
  package let tensors: [StoredTensor]

  package init(path: String) throws(ModelError) {
    let file = try CheckpointFile(path: path)
    let archive = try ZipDirectory(file)
    guard let pickle = archive.entries.first(where: { $0.key.hasSuffix("/data.pkl") }) else {
      throw ModelError(.malformed, "\(path) is not a PyTorch file: it holds no data.pkl")
    }
    let root = String(pickle.key.dropLast("data.pkl".count))
    if let order = archive.entries[root + "byteorder"], file.text(order.offset, order.count) != "little" {
      throw ModelError(.unsupported, "\(path) holds big-endian numbers; save it again on a little-endian machine")
    }
    let described = try PickleInterpreter.tensors(in: file, offset: pickle.value.offset, count: pickle.value.count)
    var tensors: [StoredTensor] = []
    for (name, tensor) in described {
      tensors.append(try Self.locate(name, tensor, root: root, archive: archive, file: file))
    }
    self.path = path
    self.tensors = tensors
  }

  /// Checks that every element of `tensor` lies inside its storage, and the storage inside the file.
  private static func locate(
    _ name: String, _ tensor: PickleInterpreter.Tensor, root: String, archive: ZipDirectory, file: CheckpointFile
  ) throws(ModelError) -> StoredTensor {
    let storage = tensor.storage
    guard let entry = archive.entries[root + "data/" + storage.key] else {
      throw ModelError(.malformed, "\(file.path): tensor \(name) is in storage \(storage.key), which is missing")
    }
    let (bytes, overflow) = storage.count.multipliedReportingOverflow(by: storage.type.size)
    guard storage.count >= 0, !overflow, bytes <= entry.count else {
      throw ModelError(
        .malformed,
        "\(file.path): storage \(storage.key) of tensor \(name) should have \(storage.count) elements of "
          + "\(storage.type.size) bytes and has \(entry.count) bytes")
    }
    guard let end = elementEnd(tensor), end <= storage.count else {
      throw ModelError(
        .malformed,
        "\(file.path): tensor \(name) \(tensor.shape) with strides \(tensor.strides) from element \(tensor.offset) "
          + "reaches beyond the \(storage.count) elements of its storage")
    }
    return StoredTensor(
      name: name, type: storage.type, shape: tensor.shape,
      strides: isRowMajor(tensor) ? nil : tensor.strides, offset: entry.offset + tensor.offset * storage.type.size,
      file: file)
  }

  /// One beyond the last element that `tensor` reads, or nil when a number is negative or too large.
  private static func elementEnd(_ tensor: PickleInterpreter.Tensor) -> Int? {
    guard tensor.offset >= 0, let count = StoredTensor.elementCount(tensor.shape),
      tensor.strides.allSatisfy({ $0 >= 0 })
    else { return nil }
    guard count > 0 else { return tensor.offset }
    var last = tensor.offset
    for (extent, stride) in zip(tensor.shape, tensor.strides) {
      let (distance, first) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, second) = last.addingReportingOverflow(distance)
      guard !first, !second else { return nil }
      last = sum
    }
    return last == .max ? nil : last + 1
  }

  private static func isRowMajor(_ tensor: PickleInterpreter.Tensor) -> Bool {
    guard !tensor.shape.contains(0) else { return true }
    var expected = 1
    for (extent, stride) in zip(tensor.shape, tensor.strides).reversed() where extent != 1 {
      guard stride == expected else { return false }
      expected *= extent
    }
    return true
  }
}
