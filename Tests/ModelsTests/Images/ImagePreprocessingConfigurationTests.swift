// SPDX-License-Identifier: Apache-2.0

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
