// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Kernels

/// The weights of one module: a file, or the shards that an index names.
package struct WeightFiles: Sendable {
  /// Every file that was read, the index included, in name order.
  package let paths: [String]
  /// Every tensor, by name.
  package let tensors: [String: StoredTensor]
  /// The directory or file they come from, for messages.
  package let origin: String

  private struct Index: Decodable {
    let weightMap: [String: String]

    private enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
  }

  /// Reads the weights of `directory` under the names that Hugging Face gives them; the first that exists counts:
  /// `model.safetensors`, `model.safetensors.index.json`, `pytorch_model.bin`, `pytorch_model.bin.index.json`.
  package init(directory: String) throws(ModelError) {
    for name in Self.names {
      if access("\(directory)/\(name)", F_OK) == 0 {
        try self.init(files: ["\(directory)/\(name)"], index: nil, origin: directory)
        return
      }
      if access("\(directory)/\(name).index.json", F_OK) == 0 {
        try self.init(index: "\(directory)/\(name).index.json", directory: directory)
        return
      }
    }
    throw ModelError(
      .notFound,
      "\(directory) holds no weights: neither model.safetensors nor pytorch_model.bin, whole or with an .index.json"
        + Self.others(in: directory))
  }

  private static let names = ["model.safetensors", "pytorch_model.bin"]

  /// Whether `init(directory:)` would read something.
  static func exist(in directory: String) -> Bool {
    names.flatMap { [$0, "\($0).index.json"] }.contains { access("\(directory)/\($0)", F_OK) == 0 }
  }

  /// Tensors of one file that somebody else has read.
  init(file: String, tensors: [String: StoredTensor]) {
    (paths, origin) = ([file], file)
    self.tensors = tensors
  }

  /// Weights under other names, which nobody said are these.
  private static func others(in directory: String) -> String {
    let endings = [".safetensors", ".bin", ".pth", ".pt", ".gguf", ".h5", ".msgpack", ".onnx", ".ckpt"]
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    let found = names.filter { name in endings.contains { name.lowercased().hasSuffix($0) } }.sorted().prefix(4)
    return found.isEmpty
      ? "" : "; it has \(found.joined(separator: ", ")): give the one that is meant the first of these names"
  }

  /// Reads one `.safetensors` file or PyTorch file.
  package init(file: String) throws(ModelError) {
    try self.init(files: [file], index: nil, origin: file)
  }

  private init(index: String, directory: String) throws(ModelError) {
    let map = try JSONText.decodeVerbatim(Index.self, from: index).weightMap
    let names = Set(map.values)
    for name in names where name.contains("/") || name.isEmpty || name == ".." {
      throw ModelError(.malformed, "\(index) names the shard \"\(name)\", which is not a file beside it")
    }
    try self.init(
      files: names.sorted().map { "\(directory)/\($0)" }, index: index, origin: directory,
      shards: map.mapValues { "\(directory)/\($0)" })
  }

  /// - Parameter shards: which file a tensor is to be taken from; one that stands in another as well is passed over there.
  private init(
    files: [String], index: String?, origin: String, shards: [String: String] = [:]
  ) throws(ModelError) {
    var tensors: [String: StoredTensor] = [:]
    for path in files {
      for tensor in try Self.tensors(ofFile: path) where shards[tensor.name] ?? path == path {
        guard tensors.updateValue(tensor, forKey: tensor.name) == nil else {
          throw ModelError(.malformed, "\(path) holds tensor \(tensor.name) again; every tensor belongs in one place")
        }
      }
    }
    self.paths = (files + (index.map { [$0] } ?? [])).sorted()
    self.tensors = Self.unwrapped(tensors)
    self.origin = origin
    try refuseTwoValues()
  }

  /// By its contents: a file may have the other kind's name.
  private static func tensors(ofFile path: String) throws(ModelError) -> [StoredTensor] {
    let file = try CheckpointFile(path: path)
    let isSafetensors = path.hasSuffix(".safetensors") ? !isTorch(file) : file.holdsSafetensorsHeader
    return isSafetensors ? try SafetensorsFile(file).tensors : try TorchFile(file).tensors
  }

  private static func isTorch(_ file: CheckpointFile) -> Bool {
    file.starts(with: Array("PK\u{3}\u{4}".utf8)) || LegacyTorchFile.isPickle(file) && !file.holdsSafetensorsHeader
  }

  /// What wrappers put before the names of all tensors of a module: parallel training, compilation, and the published code's
  /// whole model.
  private static let wrappers = ["module.", "_orig_mod.", "rec_module."]

  /// Refuses a name that stands there both bare and in a wrapper, with two values: nothing says which of them was trained.
  private func refuseTwoValues() throws(ModelError) {
    for wrapper in Self.wrappers {
      for name in tensors.keys.sorted() {
        guard let bare = tensors[name], let wrapped = tensors[wrapper + name], !bare.holdsSame(as: wrapped) else {
          continue
        }
        throw ModelError(
          .malformed,
          "\(origin) holds \(name) and \(wrapper)\(name), whose values differ; nothing says which of them was trained: save the "
            + "weights again with one of them")
      }
    }
  }

  /// Without the wrappers that every name begins with.
  private static func unwrapped(_ tensors: [String: StoredTensor]) -> [String: StoredTensor] {
    guard let first = tensors.keys.first, let wrapper = wrappers.first(where: first.hasPrefix),
      tensors.keys.allSatisfy({ $0.hasPrefix(wrapper) && $0.utf8.count > wrapper.utf8.count })
    else { return tensors }
    var result: [String: StoredTensor] = [:]
    for (name, tensor) in tensors { result[String(name.dropFirst(wrapper.count))] = tensor }
    return unwrapped(result)
  }
}

extension StoredTensor {
  /// Whether both have the same shape and values; types that no weight has are not looked at.
  fileprivate func holdsSame(as other: StoredTensor) -> Bool {
    if case .other = type { return true }
    if case .other = other.type { return false }
    guard shape == other.shape else { return false }
    let team = ComputeTeam(threads: 1)
    return load(shape: shape, on: team).values == other.load(shape: shape, on: team).values
  }
}

extension CheckpointFile {
  /// Whether the file begins with a length of a header that it holds, and the header with a brace.
  var holdsSafetensorsHeader: Bool {
    guard let length = integer(at: 0, as: UInt64.self), let count = Int(exactly: length), holds(8, count), count > 1
    else {
      return false
    }
    return integer(at: 8, as: UInt8.self) == UInt8(ascii: "{")
  }
}
