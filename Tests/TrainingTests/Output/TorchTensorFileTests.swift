// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Models
import TestSupport
import Testing

@testable import Training

@Suite("Tensors are written as PyTorch reads them")
struct TorchTensorFileTests {
  @Test(arguments: [[3, 5], [1, 1], [70_000, 2]])
  func `What is written is read back`(shape: [Int]) throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/token_embed.pth"
    let count = shape.reduce(1, *)
    let parameter = Parameter("token_embed", shape: shape, values: (0..<count).map { Float($0) / 3 - 1 })
    try TorchTensorFile.write(parameter.values, shape: shape, to: path)
    let tensors = try TorchFile(path: path).tensors
    try #require(tensors.count == 1)
    #expect(tensors[0].shape == shape && tensors[0].type == .float32)
    #expect(tensors[0].load(shape: shape, on: ComputeTeam(threads: 1)).values == Array(parameter.values))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["token_embed.pth"])
  }

  @Test func `A place that cannot be written is named`() throws {
    let parameter = Parameter("token_embed", shape: [1])
    let error = #expect(throws: TrainingError.self) {
      try TorchTensorFile.write(parameter.values, shape: [1], to: "/nowhere/at/all.pth")
    }
    #expect(error?.code == .unwritable && error?.message.contains("/nowhere/at/all.pth") == true)
  }
}
