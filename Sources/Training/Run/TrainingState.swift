// SPDX-License-Identifier: Apache-2.0

import Digest
import Foundation
import Glibc

/// Where a run stands, beside its tensors. All randomness follows from the seed and the step: no generator has to be kept.
package struct TrainingState: Codable, Sendable, Equatable {
  /// Steps done.
  package var step = 0
  /// The optimiser's, which leaves steps out that had no sample.
  package var optimizerSteps = 0
  package var best: ValidationResult?
  /// The last step after which the validation items were ranked; 0 before the first.
  package var validatedStep = 0
  /// Validations since the best.
  package var validationsWithoutGain = 0
  /// Of training, validation included.
  package var seconds = 0.0
  /// What the run was started with; it goes on only with the same.
  package var settings: [String: String] = [:]
}

/// A run's state on disk: the state, each parameter with its two moments, and a digest of all of it.
///
/// | bytes | |
/// | --- | --- |
/// | 8 | `ILLMRUN1` |
/// | 8 | length of the JSON, little-endian |
/// | | JSON: the state; names and sizes of the parameters |
/// | | for each parameter its values, running means and running mean squares, 32-bit floats |
/// | 32 | SHA-256 of everything before |
enum TrainingStateFile {
  private struct Header: Codable {
    struct Tensor: Codable, Equatable {
      let name: String
      let shape: [Int]
    }
    let state: TrainingState
    let tensors: [Tensor]
  }

  private static let magic = Array("ILLMRUN1".utf8)
  private static let digestBytes = 32

  static func write(_ state: TrainingState, _ optimizer: AdamW, to path: String) throws(TrainingError) {
    let json: Data
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      json = try encoder.encode(Header(state: state, tensors: tensors(of: optimizer)))
    } catch {
      throw TrainingError(.unwritable, "\(path): the run's state cannot be written as JSON", cause: error)
    }
    let file = try DurableFile(path)
    try file.write(magic + withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + Array(json))
    for (parameter, moment) in zip(optimizer.parameters, optimizer.moments) {
      try file.write(parameter.values)
      try file.write(moment.values)
      try file.write(moment.gradient)
    }
    try file.commit(addingDigest: true)
  }

  /// Reads a state into the optimiser and its parameters. Nothing is changed unless the whole file is sound.
  static func read(_ path: String, into optimizer: AdamW) throws(TrainingError) -> TrainingState {
    let data = try bytes(of: path)
    let header = try header(of: data, path)
    guard header.value.tensors == tensors(of: optimizer) else {
      throw TrainingError(
        .invalidInput,
        "\(path) was saved of a model of other parameters; go on with the checkpoint and spaces it was of")
    }
    var offset = header.end
    for (parameter, moment) in zip(optimizer.parameters, optimizer.moments) {
      for target in [parameter.values, moment.values, moment.gradient] {
        let bytes = UnsafeMutableRawBufferPointer(target)
        data.withUnsafeBytes { bytes.copyMemory(from: .init(rebasing: $0[offset..<offset + bytes.count])) }
        offset += bytes.count
      }
    }
    optimizer.steps = header.value.state.optimizerSteps
    return header.value.state
  }

  /// Where the run stood, without its tensors; the whole file is checked.
  static func read(_ path: String) throws(TrainingError) -> TrainingState {
    try header(of: bytes(of: path), path).value.state
  }

  private static func bytes(of path: String) throws(TrainingError) -> Data {
    do {
      return try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
    } catch {
      throw TrainingError(.unreadable, "\(path) cannot be read", cause: error)
    }
  }

  private static func tensors(of optimizer: AdamW) -> [Header.Tensor] {
    optimizer.parameters.map { Header.Tensor(name: $0.name, shape: $0.shape) }
  }

  private static func header(of data: Data, _ path: String) throws(TrainingError) -> (value: Header, end: Int) {
    let start = magic.count + 8
    guard data.count > start + digestBytes, Array(data.prefix(magic.count)) == magic else {
      throw damaged(path, "it does not begin as a run's state does")
    }
    let sum = data.withUnsafeBytes { SHA256.hex(of: .init(rebasing: $0[..<(data.count - digestBytes)])) }
    guard sum == SHA256.hex(data.suffix(digestBytes)) else {
      throw damaged(path, "its content does not match its checksum")
    }
    let length = data[magic.count..<start].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(data.count - start - digestBytes) else { throw damaged(path, "its header is too long") }
    let end = start + Int(length)
    let header: Header
    do {
      header = try JSONDecoder().decode(Header.self, from: data[start..<end])
    } catch {
      throw damaged(path, "its header cannot be read")
    }
    let floats = header.tensors.reduce(0) { $0 + 3 * $1.shape.reduce(1, *) }
    guard end + 4 * floats + digestBytes == data.count else { throw damaged(path, "its length is wrong") }
    return (header, end)
  }

  private static func damaged(_ path: String, _ why: String) -> TrainingError {
    TrainingError(.malformed, "\(path) is damaged: \(why)")
  }
}
