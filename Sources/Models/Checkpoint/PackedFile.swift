import Digest
import Foundation
import Kernels
import Synchronization

/// A file of packed matrices, mapped for reading.
///
/// Eight bytes of magic; the format's version and the layout's number, 32 bits each; the length of a JSON header and the
/// first eight bytes of its SHA-256; the header; then the matrices, each on a page of its own. Numbers are little-endian.
struct PackedFile {
  /// What a file was packed for.
  struct Identity: Equatable, Codable {
    let precision: String
    /// Digest of the weights that were packed.
    let checkpoint: String

    init(precision: Precision, checkpoint: String) {
      self.precision = precision.rawValue
      self.checkpoint = checkpoint
    }
  }

  /// A matrix and the name that the model asks for it by.
  struct Matrix {
    let name: String
    let matrix: PackedMatrix
  }

  struct Entry: Codable {
    let name: String
    let precision: String
    let outputs: Int
    let inputs: Int
    /// From the start of the file; a multiple of the page size.
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

  /// By name.
  let matrices: [String: PackedMatrix]

  /// Opens a file and checks every byte of it.
  ///
  /// - Parameter progress: told the bytes that were checked, of how many; from any of the team's threads.
  init(
    path: String, identity: Identity, on team: ComputeTeam, progress: @Sendable (Int, Int) -> Void
  ) throws(ModelError) {
    let file = try MappedFile(path: path)
    let header = try Self.header(of: file)
    guard header.identity == identity else {
      throw Self.refused(
        path, "it holds \(header.identity.precision) of another checkpoint (\(header.identity.checkpoint.prefix(12)))")
    }
    var matrices: [String: PackedMatrix] = [:]
    for entry in header.matrices { matrices[entry.name] = try Self.locate(entry, in: file) }
    try Self.check(header.matrices, matrices, path: path, on: team, progress: progress)
    self.matrices = matrices
  }

  private static func header(of file: MappedFile) throws(ModelError) -> Header {
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

  private static func locate(_ entry: Entry, in file: MappedFile) throws(ModelError) -> PackedMatrix {
    guard let precision = Precision(rawValue: entry.precision), precision != .float32,
      (1...1 << 24).contains(entry.outputs), (1...1 << 24).contains(entry.inputs), entry.offset % page == 0,
      file.holds(
        entry.offset, PackedMatrix.byteCount(precision, outputs: entry.outputs, inputs: entry.inputs)),
      let base = file.address(of: entry.offset)
    else { throw refused(file.path, "it is cut short at matrix \(entry.name)") }
    return PackedMatrix(
      precision: precision, outputs: entry.outputs, inputs: entry.inputs, borrowing: base, from: file)
  }

  private static func check(
    _ entries: [Entry], _ matrices: [String: PackedMatrix], path: String, on team: ComputeTeam,
    progress: @Sendable (Int, Int) -> Void
  ) throws(ModelError) {
    let total = matrices.values.reduce(0) { $0 + $1.byteCount }
    let done = Atomic(0), damaged = Atomic(-1)
    team.forEach(entries.count) { index in
      guard let matrix = matrices[entries[index].name] else { return }
      if matrix.withBytes({ SHA256.hex(of: $0) }) != entries[index].sha256 { damaged.store(index, ordering: .relaxed) }
      progress(done.add(matrix.byteCount, ordering: .relaxed).newValue, total)
    }
    let index = damaged.load(ordering: .relaxed)
    guard index < 0 else { throw refused(path, "matrix \(entries[index].name) is damaged") }
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
