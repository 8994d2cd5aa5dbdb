// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

@testable import CLI

@Suite("A checkpoint is inspected")
struct CheckpointInspectionTests {
  private func withCheckpoint(_ body: (CheckpointLocation) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      try SyntheticCheckpoint.write(to: directory, shape: .tiny, seed: 3, text: ["a lamp", "a chair of oak"])
      try body(CheckpointLocation(directory: directory))
    }
  }

  private func object(_ inspection: CheckpointInspection) throws -> [String: Any] {
    let bytes = try inspection.json(listsTensors: true)
    return try #require(JSONSerialization.jsonObject(with: bytes) as? [String: Any])
  }

  @Test
  func `A sound checkpoint has every part, its shapes as numbers and no problem`() throws {
    try withCheckpoint { location in
      let inspection = CheckpointInspection(location, loading: true)
      #expect(inspection.problems.isEmpty)
      #expect(inspection.parts.prefix(3).map(\.name) == ["vision_tower", "rec_module", "llm"])
      let report = try object(inspection)
      let shape = SyntheticCheckpoint.Shape.tiny
      let tower = try #require(report["vision_tower"] as? [String: Any])
      #expect(tower["width"] as? Int == shape.visionWidth && tower["layers"] as? Int == shape.visionLayers)
      let llm = try #require(report["llm"] as? [String: Any])
      #expect(llm["heads"] as? Int == shape.llmHeads && llm["key_value_heads"] as? Int == shape.llmKeyValueHeads)
      let spaces = try #require(report["rec_module"] as? [String: Any])
      #expect(spaces["spaces"] as? [String] == ["image", "cf", "text"])
      #expect(spaces["cf_feature_dim"] as? Int == shape.cfFeatureDim)
      #expect(spaces["prompt_style"] as? String == "image")
      let encoder = try #require(report["encoder"] as? [String: Any])
      let service = try #require(report["llm_service"] as? [String: Any])
      #expect((encoder["fingerprint"] as? String)?.count == 64)
      #expect(encoder["space_fingerprint"] as? String == service["space_fingerprint"] as? String)
    }
  }

  @Test
  func `A missing and a truncated file are both named, the rest is still told`() throws {
    try withCheckpoint { location in
      let tower = location.visionTower + "/model.safetensors"
      try Data(contentsOf: URL(fileURLWithPath: tower)).prefix(1000).write(to: URL(fileURLWithPath: tower))
      try FileManager.default.removeItem(atPath: location.llm + "/config.json")
      let inspection = CheckpointInspection(location, loading: true)
      #expect(inspection.problems.contains { $0.contains(tower) })
      #expect(inspection.problems.contains { $0.contains("llm/config.json") })
      #expect(Set(inspection.problems).count == inspection.problems.count)
      #expect(inspection.facts.map(\.key).contains("tokenizer"))
    }
  }

  @Test
  func `Without loading, shapes are told and no fingerprint is taken`() throws {
    try withCheckpoint { location in
      let inspection = CheckpointInspection(location, loading: false)
      #expect(inspection.facts.map(\.key) == ["vision_tower", "llm", "tokenizer", "rec_module"])
    }
  }
}
