// SPDX-License-Identifier: Apache-2.0

@testable import Models

/// GGUF files: the weights of an LLM, its shape and its tokenizer.
extension FuzzTarget {
  static let gguf: [String: FuzzTarget] = [
    "gguf": FuzzTarget(
      run: { checkGGUF($0) }, seeds: { GGUFSeeds.all.map { ($0.key, GGUFText.file(Array($0.value.utf8))) } }),
    "gguf_model": FuzzTarget(texts: GGUFSeeds.all) { bytes in
      GGUFText.file(Array(bytes)).withUnsafeBytes { checkGGUF($0) }
    },
  ]

  private static func checkGGUF(_ bytes: UnsafeRawBufferPointer) {
    FuzzedFile.with(bytes, named: "t.gguf") { folder in
      let path = folder + "/t.gguf"
      guard let file = taken({ try GGUFFile(path: path) }) else { return }
      TensorChecks.check(file.tensors)
      for tensor in file.tensors {
        require(tensor.offset + tensor.byteCount <= bytes.count, "a tensor lies within its file")
      }
      let checkpoint = CheckpointLocation(directory: folder, llmWeights: path)
      if let model = taken({ try LLMFiles(of: checkpoint) }) {
        check(model.shape)
        TensorChecks.check(model.weights.tensors.values)
        require(model.weights.tensors.count <= file.tensors.count, "no tensor is made up")
      }
      if let tokenizer = taken({ try LlamaTokenizer(directory: folder) }) { check(tokenizer) }
    }
  }
}
