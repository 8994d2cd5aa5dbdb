// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Models
import ServiceAPI
import SwiftProtobuf
import TestSupport

@testable import CLI

/// A tiny random checkpoint and items to go with it, made once for all tests of the process.
enum TestShop {
  static let titles = [
    "oak desk", "brass lamp", "wool rug", "blue vase", "", "Ünïcode ☃ mug", "steel knife", "red chair",
  ]

  /// Directory of the checkpoint.
  static func checkpoint() throws -> String { try made.get() }

  private static let directory = NSTemporaryDirectory() + "illmrec-shop-\(getpid())"

  private static let made = Result {
    atexit { try? FileManager.default.removeItem(atPath: TestShop.directory) }
    try SyntheticCheckpoint.write(to: directory, shape: .tiny, seed: 7, text: titles)
    return directory
  }

  /// A training of its own over the checkpoint's frozen parts, which are links, as `illmrec train` leaves them.
  static func writeTraining(to directory: String, seed: UInt64) throws {
    let base = CheckpointLocation(directory: try checkpoint())
    let training = CheckpointLocation(directory: directory)
    try FileManager.default.createDirectory(atPath: training.recModule, withIntermediateDirectories: true)
    for (link, target) in [(training.llm, base.llm), (training.visionTower, base.visionTower)] {
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    }
    var random = SeededGenerator(seed: seed)
    let tensors = try WeightFiles(directory: base.recModule).tensors.values.map { stored in
      let values = stored.load(shape: stored.shape, on: .init(threads: 1)).values
      return SafetensorsWriter.Tensor(
        stored.name, shape: stored.shape, values: zip(values, random.uniform(values.count)).map { $0 + 0.3 * $1 })
    }
    try SafetensorsWriter.write(tensors, to: training.recModule + "/model.safetensors")
  }

  static func itemID(_ index: Int) -> String { "item-\(index)" }

  /// A small JPEG that differs for each index.
  static func image(_ index: Int) throws -> Data {
    let side = 32
    var pixels: [UInt8] = []
    for y in 0..<side {
      for x in 0..<side {
        pixels.append(UInt8((x * 7 + index * 31) % 256))
        pixels.append(UInt8((y * 5 + index * 13) % 256))
        pixels.append(UInt8((x + y + index * 71) % 256))
      }
    }
    return Data(try JPEGEncoder.encode(RGBImage(width: side, height: side, pixels: pixels)))
  }

  static func item(_ index: Int) throws -> Encoder_ImageItem {
    let image = try image(index)
    return .with {
      $0.itemID = itemID(index)
      $0.metadata.title = titles[index % titles.count]
      $0.encoded = image
    }
  }

  /// A stack on free ports whose state is in a directory of its own.
  static func stack() throws -> StackConfiguration {
    let state = NSTemporaryDirectory() + "illmrec-state-\(UUID().uuidString)"
    var stack = StackConfiguration(checkpoint: try checkpoint(), state: state).onFreePorts()
    stack.spaces = "image"
    // What was computed before and what is read from the prefix cache then agree to float32's rounding.
    stack.precision = "f32"
    return stack
  }
}
