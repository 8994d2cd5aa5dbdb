// SPDX-License-Identifier: Apache-2.0

import Datasets
import Foundation
import Models
import TestSupport
import Testing

@testable import Training

@Suite("SASRec weights are read and written") struct SASRecFileTests {
  @Test func `What is written is read`() throws {
    let weights = SASRecNetworkTests.small()
    try withTemporaryDirectory { directory in
      try weights.write(to: directory + "/cf.safetensors")
      let read = try SASRecWeights(path: directory + "/cf.safetensors")
      #expect(read.settings == weights.settings && read.items == 9)
      #expect(read.tensors.map(\.values) == weights.tensors.map(\.values))
      #expect(read.itemEmbeddings == weights.itemEmbeddings && read.itemEmbeddings.columns == 6)
    }
  }

  @Test func `Items that nobody met have no feature, and a SASRec's embeddings all the same`() throws {
    let weights = SASRecNetworkTests.small()
    try withTemporaryDirectory { directory in
      let path = directory + "/cf.safetensors"
      try weights.write(to: path, features: weights.features(unmet: [2, 8]))
      #expect(try SASRecWeights(path: path).itemEmbeddings == weights.itemEmbeddings)
      let features = try FeatureTable(importing: path, for: .cf, items: 9)
      #expect((0..<9).filter { features[$0] == nil } == [2, 8])
      #expect(features[3] == Array(weights.itemEmbeddings[row: 3]))
    }
  }

  @Test func `A file says which sequences it learned from`() throws {
    let weights = SASRecNetworkTests.small()
    let digest = TrainingDigest.ofSequences(SmallRun.dataset)
    try withTemporaryDirectory { directory in
      let path = directory + "/cf.safetensors"
      try weights.write(to: path)
      #expect(try SASRecWeights.sequences(ofFile: path) == nil)
      try weights.write(to: path, sequences: digest)
      #expect(try SASRecWeights.sequences(ofFile: path) == digest)
    }
    var users = SmallRun.dataset.users
    // What is held out has no part in it.
    users[0] = Dataset.User(id: "another", items: users[0].items.dropLast(2) + [0, 0], negatives: [])
    #expect(TrainingDigest.ofSequences(Dataset(items: SmallRun.dataset.items, users: users)) == digest)
    users[0] = Dataset.User(id: "another", items: users[0].items.reversed(), negatives: [])
    #expect(TrainingDigest.ofSequences(Dataset(items: SmallRun.dataset.items, users: users)) != digest)
  }

  @Test func `Other files are refused`() throws {
    let weights = SASRecNetworkTests.small()
    try withTemporaryDirectory { directory in
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

  @Test func `Settings of a file that names no loss are those of the published one`() throws {
    var object = try #require(
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(SASRecSettings())) as? [String: Any])
    #expect(object["loss"] == nil)
    object["loss"] = "cross-entropy"
    let read = try JSONDecoder().decode(
      SASRecSettings.self, from: JSONSerialization.data(withJSONObject: object))
    #expect(read.loss == .crossEntropy)
  }
}
