import Foundation
import Models
import Testing

@testable import Training

@Suite struct SASRecFileTests {
  private func withDirectory(_ body: (String) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "sasrec-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  @Test func whatIsWrittenIsRead() throws {
    let weights = SASRecNetworkTests.small()
    try withDirectory { directory in
      try weights.write(to: directory + "/cf.safetensors")
      let read = try SASRecWeights(path: directory + "/cf.safetensors")
      #expect(read.settings == weights.settings && read.items == 9)
      #expect(read.tensors.map(\.values) == weights.tensors.map(\.values))
      #expect(read.itemEmbeddings == weights.itemEmbeddings && read.itemEmbeddings.columns == 6)
    }
  }

  @Test func otherFilesAreRefused() throws {
    let weights = SASRecNetworkTests.small()
    try withDirectory { directory in
      let path = directory + "/other.safetensors"
      try SafetensorsWriter.write(weights.tensors, to: path)
      #expect { try SASRecWeights(path: path) } throws: { "\($0)".contains("features cf") }
      try weights.write(to: path)
      let metadata = try SafetensorsFile(path: path).metadata
      try SafetensorsWriter.write(Array(weights.tensors.dropLast()), to: path, metadata: metadata)
      #expect { try SASRecWeights(path: path) } throws: { "\($0)".contains("last_norm.bias") }
      try SafetensorsWriter.write(weights.tensors, to: path, metadata: ["illmrec_sasrec": "{}"])
      #expect { try SASRecWeights(path: path) } throws: { ($0 as? ModelError)?.code == .malformed }
    }
  }
}
