// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MilvusBackend

@Suite("Settings of a Milvus index are read")
struct MilvusIndexTests {
  @Test(arguments: [
    ("flat", "flat"), ("FLAT", "flat"), ("hnsw", "hnsw:M=32,ef=128,efConstruction=360"),
    ("hnsw:M=16,ef=64", "hnsw:M=16,ef=64,efConstruction=360"), ("ivf_flat:nprobe=8", "ivf_flat:nlist=4096,nprobe=8"),
  ])
  func `Settings are read as they are written; what is left out has its default`(
    text: String, description: String
  ) throws {
    #expect(try MilvusIndex(parsing: text).description == description)
  }

  @Test(arguments: [
    ("", "flat, hnsw, ivf_flat"), ("ivf_sq8", "flat, hnsw, ivf_flat"), ("flat:M=3", "it has none"),
    ("hnsw:nlist=3", "M, efConstruction, ef"), ("hnsw:M", "NAME=NUMBER"), ("hnsw:M=0", "1 to 1000000"),
    ("hnsw:", "NAME=NUMBER"),
  ])
  func `Settings that cannot be are refused with what there is`(text: String, word: String) {
    let error = #expect(throws: MilvusIndexError.self) { try MilvusIndex(parsing: text) }
    #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
  }

  @Test
  func `A graph is never walked with a narrower list than the hits that are asked for`() throws {
    let index = try MilvusIndex(parsing: "hnsw:ef=100")
    #expect(index.searchParameters(topK: 10) == #"{"ef": 100}"#)
    #expect(index.searchParameters(topK: 300) == #"{"ef": 300}"#)
    #expect(index.buildParameters == #"{"M": 32, "efConstruction": 360}"#)
    #expect(MilvusIndex.flat.searchParameters(topK: 300) == "{}")
  }
}
