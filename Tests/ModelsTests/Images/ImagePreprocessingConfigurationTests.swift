// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Models

@Suite("An image's preparation is configured by the checkpoint") struct ImagePreprocessingConfigurationTests {
  @Test func `What Hugging Face writes is read`() throws {
    let read = try configuration(
      """
      {"do_resize": true, "do_rescale": true, "do_normalize": true, "image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 3],
       "resample": 2, "rescale_factor": 0.00392156862745098, "size": {"height": 70, "width": 84},
       "image_processor_type": "SiglipImageProcessor"}
      """)
    #expect(
      read
        == ImagePreprocessing(
          height: 70, width: 84, mean: [0.1, 0.2, 0.3], std: [1, 2, 3], rescaleFactor: 0.00392156862745098,
          resample: .bilinear))
  }

  @Test func `Defaults are SigLIP's`() throws {
    #expect(try configuration(#"{"size": {"height": 384, "width": 384}}"#) == ImagePreprocessing(size: 384))
  }

  @Test func `Steps can be turned off`() throws {
    let read = try configuration(
      #"{"size": {"height": 1, "width": 1}, "do_rescale": false, "do_normalize": false}"#)
    let prepared = try read.prepare(RGBImage(width: 1, height: 1, pixels: [3, 4, 250]))
    #expect(prepared.values == [3, 4, 250])
  }

  @Test(arguments: [
    ("{", ModelError.Code.malformed, "preprocessor"), ("{}", .unsupported, "size"),
    (#"{"size": {"height": 384, "width": 384}, "do_resize": false}"#, .unsupported, "do_resize"),
    (#"{"size": {"height": 0, "width": 384}}"#, .unsupported, "0 x 384"),
    (#"{"size": {"height": 384, "width": 50000}}"#, .unsupported, "50000"),
    (#"{"size": {"height": 8, "width": 8}, "resample": 0}"#, .unsupported, "resample is 0"),
    (#"{"size": {"height": 8, "width": 8}, "image_mean": [0.5]}"#, .malformed, "image_mean"),
    (#"{"size": {"height": 8, "width": 8}, "image_std": [0.5, 0, 1]}"#, .malformed, "image_std"),
    (#"{"size": {"height": 8, "width": 8}, "image_mean": ["x", 0, 1]}"#, .malformed, "preprocessor"),
  ])
  func `What cannot be done is named`(json: String, code: ModelError.Code, mention: String) {
    do throws(ModelError) {
      _ = try configuration(json)
      Issue.record("accepted \(json)")
    } catch {
      #expect(error.code == code)
      #expect(error.message.contains(mention))
    }
  }

  // MARK: - processor_config.json

  private static let own = #"{"size": {"height": 8, "width": 8}, "image_mean": [0.1, 0.2, 0.3]}"#

  private func read(_ files: [String: String]) throws -> (preprocessing: ImagePreprocessing, path: String) {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    for (name, json) in files { try directory.write(json, to: name) }
    return try ImagePreprocessing.read(in: directory.path, fallback: .siglip)
  }

  /// transformers 5 writes the one file, version 4 the other; 5 prefers its own.
  @Test func `What version 5 of transformers writes is read, alone and beside the same`() throws {
    let right = try configuration(Self.own)
    let nested = #"{"processor_class": "SiglipProcessor", "image_processor": \#(Self.own)}"#
    let alone = try read(["processor_config.json": nested])
    #expect(alone.preprocessing == right && alone.path.hasSuffix("/processor_config.json"))
    #expect(try read(["processor_config.json": nested, "preprocessor_config.json": Self.own]).preprocessing == right)
    for without in [#"{"processor_class": "SiglipProcessor"}"#, #"{"image_processor": null}"#] {
      let found = try read(["processor_config.json": without, "preprocessor_config.json": Self.own])
      #expect(found.preprocessing == right && found.path.hasSuffix("/preprocessor_config.json"))
    }
  }

  @Test func `Two files that do not agree are refused by what they differ in`() {
    let nested = #"{"image_processor": {"size": {"height": 8, "width": 8}, "image_mean": [0, 0, 0], "resample": 2}}"#
    let error = #expect(throws: ModelError.self) {
      try read(["processor_config.json": nested, "preprocessor_config.json": Self.own])
    }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("do not agree on image_mean, resample") == true, "\(error?.message ?? "")")
  }

  @Test func `A key within is named with where it stands`() {
    let error = #expect(throws: ModelError.self) {
      try read(["processor_config.json": #"{"image_processor": {"size": {"height": 8, "width": 8}, "do_pad": true}}"#])
    }
    #expect(error?.message.contains("image_processor.do_pad is true") == true, "\(error?.message ?? "")")
  }

  @Test func `A missing file is named`() {
    do throws(ModelError) {
      _ = try ImagePreprocessing(configurationFile: "/nonexistent/preprocessor_config.json")
      Issue.record("a missing file was read")
    } catch {
      #expect(error.code == .notFound)
      #expect(error.message.contains("/nonexistent/preprocessor_config.json"))
    }
  }

  private func configuration(_ json: String) throws(ModelError) -> ImagePreprocessing {
    try ImagePreprocessing(configuration: Array(json.utf8), name: "preprocessor_config.json")
  }
}
