// SPDX-License-Identifier: Apache-2.0

import Digest
import Foundation
import Kernels
import Synchronization

/// A file of packed matrices, read into memory of their own.
///
/// Eight bytes of magic; the format's version and the layout's number, 32 bits each; the length of a JSON header and the
/// first eight bytes of its SHA-256; the header; then the matrices, each on a page of its own. Numbers are little-endian.
struct PackedFile {
  /// What a file was packed for.
  struct Identity: Equatable, Codable {
    let precision: Precision
    /// Digest of the weights that were packed.
    let checkpoint: String
  }

  /// A matrix and the name that the model asks for it by.
  struct Matrix {
    let name: String
    let matrix: PackedMatrix
  }

  struct Entry: Codable {
    let name: String
    let precision: Precision
    let outputs: Int
    let inputs: Int
    /// From the start of the file.
    let offset: Int
    let sha256: String
  }

  struct Header: Codable {
    let identity: Identity
    let matrices: [Entry]
  }

  static let magic: UInt64 = 0x31_4B_43_41_50_52_4C_49  // "ILRPACK1"
  static let version: UInt32 = 1
  static let headerStart = 32
  static let page = 4096
  private static let piece = 256 << 10

  /// By name.
  let matrices: [String: PackedMatrix]

  /// Opens a file and checks every byte of it.
  ///
  /// - Parameter progress: told the bytes that were checked, of how many; from any of the team's threads.
  init(
    path: String, identity: Identity, on team: ComputeTeam, progress: @Sendable (Int, Int) -> Void
  ) throws(ModelError) {
    let file = try CheckpointFile(path: path)
    let header = try Self.header(of: file)
    guard header.identity == identity else {
      throw Self.refused(
        path,
        "it holds \(header.identity.precision.rawValue) of another checkpoint (\(header.identity.checkpoint.prefix(12)))"
      )
    }
    for entry in header.matrices { try Self.check(entry, in: file) }
    matrices = try Self.read(header.matrices, from: file, on: team, progress: progress)
  }

  private static func header(of file: CheckpointFile) throws(ModelError) -> Header {
    guard file.integer(at: 0, as: UInt64.self) == magic else { throw refused(file.path, "it is something else") }
    guard file.integer(at: 8, as: UInt32.self) == version,
      file.integer(at: 12, as: UInt32.self) == UInt32(PackedMatrix.layout)
    else { throw refused(file.path, "it was written by another version of this software") }
    guard let length = file.integer(at: 16, as: UInt64.self), let sum = file.integer(at: 24, as: UInt64.self),
      length < UInt64(file.count), file.holds(headerStart, Int(length))
    else { throw refused(file.path, "it is cut short in its header") }
    let bytes = file.withBytes { Data($0[headerStart..<headerStart + Int(length)]) }
    guard headerSum(bytes) == sum, let header = try? JSONDecoder().decode(Header.self, from: bytes) else {
      throw refused(file.path, "its header is damaged")
    }
    return header
  }

  private static func check(_ entry: Entry, in file: CheckpointFile) throws(ModelError) {
    guard entry.precision != .float32, (1...1 << 24).contains(entry.outputs), (1...1 << 24).contains(entry.inputs),
      file.holds(entry.offset, PackedMatrix.byteCount(entry.precision, outputs: entry.outputs, inputs: entry.inputs))
    else { throw refused(file.path, "it is cut short at matrix \(entry.name)") }
  }

  /// Copies the matrices, several at a time, and holds each against its digest.
  ///
  /// - Precondition: the entries lie inside the file.
  private static func read(
    _ entries: [Entry], from file: CheckpointFile, on team: ComputeTeam, progress: @Sendable (Int, Int) -> Void
  ) throws(ModelError) -> [String: PackedMatrix] {
    let matrices = ComputeTeam.Results<PackedMatrix>(count: entries.count)
    let done = Atomic(0), damaged = Atomic(-1)
    team.forEach(entries.count) { index in
      let entry = entries[index]
      var digest = SHA256()
      let matrix = PackedMatrix(
        precision: entry.precision, outputs: entry.outputs, inputs: entry.inputs
      ) { memory in
        // Piece by piece: what is hashed is still in the cache.
        for start in stride(from: 0, to: memory.count, by: piece) {
          let target = UnsafeMutableRawBufferPointer(rebasing: memory[start..<min(start + piece, memory.count)])
          let place = entry.offset + start
          file.withBytes { target.copyMemory(from: .init(rebasing: $0[place..<place + target.count])) }
          digest.update(UnsafeRawBufferPointer(target))
        }
      }
      file.discard(entry.offset, matrix.byteCount)
      if digest.finishHex() == entry.sha256 {
        matrices[index] = matrix
      } else {
        damaged.store(index, ordering: .relaxed)
      }
      progress(done.add(matrix.byteCount, ordering: .relaxed).newValue, file.count)
    }
    let index = damaged.load(ordering: .relaxed)
    guard index < 0 else { throw refused(file.path, "matrix \(entries[index].name) is damaged") }
    return Dictionary(zip(entries.map(\.name), matrices.values), uniquingKeysWith: { first, _ in first })
  }

  static func headerSum(_ bytes: Data) -> UInt64 {
    var digest = SHA256()
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.finish().prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func refused(_ path: String, _ reason: String) -> ModelError {
    ModelError(.malformed, "\(path) is not used: \(reason)")
  }
}
