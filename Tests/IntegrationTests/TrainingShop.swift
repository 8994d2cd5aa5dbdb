// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

@testable import CLI

/// Made data for `illmrec train` in a directory of its own, and runs on it.
final class TrainingShop: Sendable {
  static let itemCount = 12
  /// Of the features in the cf space; that of `TestShop`'s checkpoint.
  static let featureWidth = 6

  private let directory: TemporaryDirectory
  var path: String { directory.path }

  var data: String { path + "/data" }
  var features: String { path + "/cf.npy" }

  init() throws {
    directory = try TemporaryDirectory()
    try FileManager.default.createDirectory(atPath: data + "/image", withIntermediateDirectories: true)
    for item in 0..<Self.itemCount { try write(try TestShop.image(item), to: "data/image/\(item).jpg") }
    try writeItems()
    try writeUsers()
    try writeFeatures(Self.goodFeatures)
  }

  func run(_ name: String) -> String { "\(path)/\(name)" }

  /// The arguments of a run that validates and saves after every second step of `steps`.
  func arguments(_ name: String, steps: Int = 12, _ more: [String] = []) throws -> [String] {
    [
      "train", "--data", data, "--checkpoint", try TestShop.checkpoint(), "--out", run(name), "--features",
      "cf=\(features)", "--steps", "\(steps)", "--batch-size", "2", "--checkpoint-steps", "2", "--validation-steps",
      "2", "--learning-rate", "0.001", "--precision", "f32", "--threads", "1", "--name", "autumn",
    ] + more
  }

  func write(_ bytes: Data, to name: String) throws {
    try bytes.write(to: URL(filePath: "\(path)/\(name)"))
  }

  /// The bytes of every file in a directory of the run but those that are links, by name.
  func files(_ name: String) throws -> [String: Data] {
    let directory = run(name)
    var files: [String: Data] = [:]
    for file in try FileManager.default.subpathsOfDirectory(atPath: directory) {
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(file)")
      guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
      files[file] = try Data(contentsOf: URL(filePath: "\(directory)/\(file)"))
    }
    return files
  }

  // MARK: Data

  private func writeItems() throws {
    let items = (0..<Self.itemCount).map { item in
      """
      "\(item)": {"title": "\(TestShop.titles[item % TestShop.titles.count])", "brand": "Acme", "category": "home", \
      "description": "It is number \(item).", "feature": "", "imURL": "", "price": ""}
      """
    }
    try write(Data("{\(items.joined(separator: ",\n"))}".utf8), to: "data/meta_info.json")
  }

  private func writeUsers() throws {
    let users = (0..<6).map { user in (0..<6).map { (user + $0 * (1 + user % 2)) % Self.itemCount } }
    for (name, heldOut) in [("train", 2), ("eval", 1), ("test", 0)] {
      let lines = users.enumerated().map {
        "\"u\($0)\": [\($1.dropLast(heldOut).map { "[\($0)]" }.joined(separator: ","))]"
      }
      try write(Data("{\(lines.joined(separator: ",\n"))}".utf8), to: "data/\(name)_users.json")
    }
    let negatives = users.enumerated().map { user, items in
      (["u\(user)"] + (0..<Self.itemCount).filter { !items.contains($0) }.map(String.init)).joined(separator: " ")
    }
    try write(Data((negatives.joined(separator: "\n") + "\n").utf8), to: "data/neg_item_set.txt")
  }

  static let goodFeatures = (0..<itemCount * featureWidth).map { Float($0 * 37 % 23) / 23 - 0.5 }

  /// Writes `cf.npy`, a row of `featureWidth` for each item.
  func writeFeatures(_ values: [Float]) throws {
    let shape = "(\(values.count / Self.featureWidth), \(Self.featureWidth))"
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }"
    header += String(repeating: " ", count: 64 - (11 + header.utf8.count) % 64) + "\n"
    var bytes = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
    withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: header.utf8)
    values.withUnsafeBytes { bytes.append(contentsOf: $0) }
    try write(bytes, to: "cf.npy")
  }
}
