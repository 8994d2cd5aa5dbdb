// SPDX-License-Identifier: Apache-2.0

/// A PyTorch file (`.bin`, `.pth`, `.pt`): a zip archive of a pickle that describes tensors, and their storages; or the form
/// before PyTorch 1.6, see ``LegacyTorchFile``.
///
/// Opening it reads the archive's directory and the pickle; the tensors stay in the mapped file, unless the archive was
/// compressed. No code of the file runs, see `PickleInterpreter`.
package struct TorchFile: Sendable {
  package let path: String
  /// In the order of the pickle. A lone tensor has an empty name.
  package let tensors: [StoredTensor]

  package init(path: String) throws(ModelError) { try self.init(try CheckpointFile(path: path)) }

  init(_ file: CheckpointFile) throws(ModelError) {
    try file.refuseForeign()
    path = file.path
    tensors = LegacyTorchFile.isPickle(file) ? try LegacyTorchFile.tensors(of: file) : try Self.archived(file)
  }

  private static func archived(_ file: CheckpointFile) throws(ModelError) -> [StoredTensor] {
    var archive = try ZipArchive(file)
    let names = archive.directory.entries.keys
    let pickles = names.filter { $0.hasSuffix("/data.pkl") }.sorted()
    guard let name = pickles.first, let pickle = try archive.content(name) else {
      throw ModelError(.malformed, "\(file.path) is not a PyTorch file: it holds no data.pkl")
    }
    guard pickles.count == 1 else {
      throw ModelError(
        .malformed,
        "\(file.path) holds \(pickles.count) descriptions of tensors: \(pickles.prefix(4).joined(separator: ", ")); a file of "
          + "torch.save has one: save the weights again")
    }
    let root = String(name.dropLast("data.pkl".count))
    if names.contains(where: { $0.hasPrefix(root + "code/") }) {
      throw ModelError(
        .unsupported,
        "\(file.path) is a TorchScript program; it was not executed. Save the weights of it: "
          + "torch.save(torch.jit.load(path).state_dict(), path)")
    }
    if let order = try archive.content(root + "byteorder"), order.file.text(order.offset, order.count) != "little" {
      throw ModelError(.unsupported, "\(file.path) holds big-endian numbers; save it again on a little-endian machine")
    }
    let description = try PickleInterpreter.description(in: pickle.file, offset: pickle.offset, count: pickle.count)
    var tensors: [StoredTensor] = []
    for (name, tensor) in try PickleInterpreter.tensors(description) {
      guard let storage = try archive.content(root + "data/" + tensor.storage.key) else {
        throw ModelError(
          .malformed, "\(file.path): tensor \(name) is in storage \(tensor.storage.key), which is missing")
      }
      tensors.append(try StoredTensor(name, tensor, in: storage))
    }
    return tensors
  }
}

extension StoredTensor {
  /// Elements of a tensor that reads those of its storage more than once, as `expand` leaves it: a few bytes must not take all
  /// memory.
  private static let mostRepeated = 1 << 28

  /// Checks that every element of `tensor` lies inside its storage, and the storage inside the file.
  init(
    _ name: String, _ tensor: PickleInterpreter.Tensor, in content: ZipArchive.Content
  ) throws(ModelError) {
    let (storage, path) = (tensor.storage, content.file.path)
    let (bytes, overflow) = storage.count.multipliedReportingOverflow(by: storage.type.size)
    guard storage.count >= 0, !overflow, bytes <= content.count else {
      throw ModelError(
        .malformed,
        "\(path): storage \(storage.key) of tensor \(name) should have \(storage.count) elements of "
          + "\(storage.type.size) bytes and has \(content.count) bytes")
    }
    // A tensor may have another type than its storage, and counts in elements of its own.
    let elements = bytes / max(tensor.type.size, 1)
    guard let end = Self.elementEnd(tensor), end <= elements else {
      throw ModelError(
        .malformed,
        "\(path): tensor \(name) \(tensor.shape) with strides \(tensor.strides) from element \(tensor.offset) "
          + "reaches beyond the \(elements) elements of its storage")
    }
    guard (StoredTensor.elementCount(tensor.shape) ?? .max) <= max(elements, Self.mostRepeated) else {
      throw ModelError(
        .unsupported,
        "\(path): tensor \(name) \(tensor.shape) repeats the \(elements) elements of its storage too often to be read; save "
          + "the part of it that repeats")
    }
    self.init(
      name: name, type: tensor.type, shape: tensor.shape, strides: Self.isRowMajor(tensor) ? nil : tensor.strides,
      offset: content.offset + tensor.offset * tensor.type.size, file: content.file)
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
