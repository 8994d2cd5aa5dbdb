// SPDX-License-Identifier: Apache-2.0

import Glibc

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
  }

  /// Reads the weights of `directory` under the names that Hugging Face gives them; the first that exists counts:
  /// `model.safetensors`, `model.safetensors.index.json`, `pytorch_model.bin`, `pytorch_model.bin.index.json`.
  package init(directory: String) throws(ModelError) {
    for name in ["model.safetensors", "pytorch_model.bin"] {
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
      "\(directory) holds no weights: neither model.safetensors nor pytorch_model.bin, whole or with an .index.json")
  }

  /// Reads one `.safetensors` file or PyTorch file.
  package init(file: String) throws(ModelError) {
    try self.init(files: [file], index: nil, origin: file)
  }

  private init(index: String, directory: String) throws(ModelError) {
    let names = try Set(JSONText.decode(Index.self, from: index).weightMap.values)
    for name in names where name.contains("/") || name.isEmpty || name == ".." {
      throw ModelError(.malformed, "\(index) names the shard \"\(name)\", which is not a file beside it")
    }
    try self.init(files: names.sorted().map { "\(directory)/\($0)" }, index: index, origin: directory)
  }

  private init(files: [String], index: String?, origin: String) throws(ModelError) {
    var tensors: [String: StoredTensor] = [:]
    for path in files {
      for tensor in try Self.tensors(ofFile: path) {
        guard tensors.updateValue(tensor, forKey: tensor.name) == nil else {
          throw ModelError(.malformed, "\(path) holds tensor \(tensor.name) again; every tensor belongs in one place")
        }
      }
    }
    self.paths = (files + (index.map { [$0] } ?? [])).sorted()
    self.tensors = tensors
    self.origin = origin
  }

  private static func tensors(ofFile path: String) throws(ModelError) -> [StoredTensor] {
    path.hasSuffix(".safetensors") ? try SafetensorsFile(path: path).tensors : try TorchFile(path: path).tensors
  }
}
