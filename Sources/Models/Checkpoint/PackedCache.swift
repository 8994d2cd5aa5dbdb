// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Kernels

/// The packed matrices of earlier starts, in a directory that may be emptied at any time.
///
/// A file is named after the part, its precision and its checkpoint. What is in it is checked from end to end before it is
/// used; a file that is cut short, foreign or stale is named in a warning and replaced, and one that no start has read for
/// a month goes when another is written. Nothing here stops a start.
struct PackedCache {
  private let directory: String
  private let path: String
  private let identity: PackedFile.Identity
  private let file: PackedFile?
  private let part: String

  private static let secondsUntilForgotten = 30.0 * 86_400

  /// - Parameter checkpoint: the digest of the part's weights.
  init(
    directory: String, part: String, precision: Precision, checkpoint: String, _ options: LoadingOptions,
    on team: ComputeTeam
  ) {
    self.directory = directory
    self.part = part
    path = "\(directory)/\(part)-\(precision.rawValue)-\(checkpoint.prefix(16)).packed"
    identity = PackedFile.Identity(precision: precision, checkpoint: checkpoint)
    guard CheckpointLocation.exists(path) else {
      file = nil
      return
    }
    do throws(ModelError) {
      file = try PackedFile(path: path, identity: identity, on: team) { [part] done, total in
        options.report(.progress(what: "reading packed \(part)", done: done, total: total))
      }
      utimes(path, nil)
      options.report(.note("\(part) is read packed from \(path)"))
    } catch {
      options.report(.warning("\(error.message); the matrices are packed again"))
      file = nil
    }
  }

  /// The matrix of that name and shape, or nil.
  func matrix(_ name: String, outputs: Int, inputs: Int) -> PackedMatrix? {
    guard let matrix = file?.matrices[name], matrix.outputs == outputs, matrix.inputs == inputs else { return nil }
    return matrix
  }

  /// Writes `matrices` unless the file holds them all.
  func save(_ matrices: [PackedFile.Matrix], _ options: LoadingOptions) {
    guard matrices.contains(where: { file?.matrices[$0.name] !== $0.matrix }) else { return }
    do throws(ModelError) {
      try makeDirectory()
      try PackedFile.write(matrices, identity: identity, to: path) { [part] done, total in
        options.report(.progress(what: "writing packed \(part)", done: done, total: total))
      }
      options.report(.note("\(part) was written packed to \(path)"))
      removeForgotten(options)
    } catch {
      options.report(.warning("\(error); the next start packs again"))
    }
  }

  /// Removes packed files that no start has read for a month: those of checkpoints and precisions that went.
  private func removeForgotten(_ options: LoadingOptions) {
    let files = FileManager.default
    for name in (try? files.contentsOfDirectory(atPath: directory)) ?? [] where name.hasSuffix(".packed") {
      let path = "\(directory)/\(name)"
      guard let used = try? files.attributesOfItem(atPath: path)[.modificationDate] as? Date,
        used.timeIntervalSinceNow < -Self.secondsUntilForgotten, unlink(path) == 0
      else { continue }
      options.report(.note("\(path) was not read for a month and is removed"))
    }
  }

  private func makeDirectory() throws(ModelError) {
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    } catch {
      throw ModelError(
        .unwritable, "the directory \(directory) cannot be made; check its rights, or choose another --packed-cache",
        cause: error)
    }
  }
}
