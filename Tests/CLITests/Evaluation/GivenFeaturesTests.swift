// SPDX-License-Identifier: Apache-2.0

import Models
import TestSupport
import Testing
import Training

@testable import CLI

@Suite("Other features than a checkpoint was trained with are told") struct GivenFeaturesTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func table(_ values: [Float], _ name: String = "features.safetensors") throws -> FeatureTable {
    let path = directory.file(name)
    try SafetensorsWriter.write([.init("features", shape: [values.count / 2, 2], values: values)], to: path)
    return try FeatureTable(importing: path, for: .cf, items: values.count / 2)
  }

  @Test func `A digest is of values in the order of items, and not of a file`() throws {
    let digest = try table([0, 1, 2, 3]).digest
    #expect(try table([0, 1, 2, 3], "other.safetensors").digest == digest)
    #expect(try table([2, 3, 0, 1]).digest != digest)
    #expect(try table([0, 1, .nan, 3]).digest != digest)
    #expect(try table([0, 1, .nan, 3]).digest == table([0, 1, 2, .nan]).digest, "an item without the feature")
  }

  @Test func `A training says which features it had, and what differs is named by its space`() throws {
    let (own, other) = (try table([0, 1, 2, 3]), try table([0, 1, 2, 4]))
    let trained = GivenFeatures([.cf: own])
    let digests = trained.notes(of: [.image, .cf, .text])
    #expect(digests == [.image: FeatureDigests.tower, .cf: own.digest])
    #expect(trained.notes(of: [.text]).isEmpty)
    #expect(trained.spaces(otherThan: digests).isEmpty)
    #expect(GivenFeatures([:]).spaces(otherThan: digests).isEmpty, "a space that nobody ranks in")
    #expect(GivenFeatures([.cf: other, .text: other]).spaces(otherThan: digests) == [.cf])
    #expect(GivenFeatures([.image: own, .cf: other]).spaces(otherThan: digests) == [.image, .cf])
    #expect(GivenFeatures([:]).spaces(otherThan: [.image: own.digest]) == [.image])
    #expect(GivenFeatures([.cf: other]).spaces(otherThan: [:]).isEmpty, "a checkpoint of before")
  }
}
