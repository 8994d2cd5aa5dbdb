// SPDX-License-Identifier: Apache-2.0

import CVectorIndex
import Kernels

/// Builds the graph of a version on its way in, and puts it into the version's directory.
struct HNSWBuild {
  /// What a build takes of the processors beside searches: its threads run at this nice value above the process's.
  private static let nice: Int32 = 10

  let parameters: HNSWParameters
  let threads: Int
  /// [itemCount, dim], row-major.
  let vectors: UnsafeBufferPointer<Float>
  let dim: Int
  let disk: Disk

  private var itemCount: Int { vectors.count / dim }

  /// Writes `graph.hnsw` to `directory` and makes it durable. Blocks its thread for as long as the build takes.
  ///
  /// - Parameter progress: told the number of items in the graph about ten times a second; false cancels.
  func write(to directory: String, progress: (Int) -> Bool) throws(VectorIndexError) -> Manifest.Graph {
    try checkMemory()
    let bytes = try build(progress)
    defer { illmrec_graph_free(UnsafeMutableRawPointer(mutating: bytes.baseAddress)) }
    var file = try WritableFile(creating: "\(directory)/\(Manifest.Graph.fileName)", on: disk, at: .createGraph)
    // In pieces, so that a disk that is slow or full shows soon.
    for first in stride(from: 0, to: bytes.count, by: 1 << 24) {
      let piece = bytes[first..<min(first + 1 << 24, bytes.count)]
      try file.append(UnsafeRawBufferPointer(rebasing: piece), at: .writeGraph)
    }
    let summary = try file.finish(writing: .writeGraph, syncing: .syncGraph)
    let codes: Manifest.Graph.Codes = illmrec_graph_joins_rows(bytes.baseAddress, bytes.count) ? .ofDistinct : .ofItems
    return Manifest.Graph(
      m: parameters.m, efConstruction: parameters.efConstruction, metric: "inner_product", codes: codes.rawValue,
      library: String(cString: illmrec_graph_library()), bytes: summary.bytes, sha256: summary.sha256)
  }

  private func build(_ progress: (Int) -> Bool) throws(VectorIndexError) -> UnsafeRawBufferPointer {
    var message = illmrec_graph_message()
    var described = illmrec_graph_parameters(
      links: UInt32(parameters.m), breadth: UInt32(parameters.efConstruction), threads: UInt32(threads), nice: Self.nice
    )
    var bytes: UnsafeMutableRawPointer?
    var size = 0
    let status = withoutActuallyEscaping(progress) { progress in
      withUnsafePointer(to: progress) { progress in
        illmrec_graph_build(
          vectors.baseAddress, UInt32(itemCount), UInt32(dim), &described,
          // On this very thread, while `progress` is alive.
          { context, done in
            context?.assumingMemoryBound(to: ((Int) -> Bool).self).pointee(Int(done)) ?? false
          },
          UnsafeMutableRawPointer(mutating: progress), &bytes, &size, &message)
      }
    }
    guard status == ILLMREC_GRAPH_OK, let bytes else {
      throw HNSWGraph.error(status, message) { "the graph of \(itemCount) items could not be built: \($0)" }
    }
    return UnsafeRawBufferPointer(start: bytes, count: size)
  }

  /// Refuses a build that the machine has no memory for: the kernel would end the whole process, searches included.
  private func checkMemory() throws(VectorIndexError) {
    let needed = illmrec_graph_build_bytes(UInt32(itemCount), UInt32(dim), UInt32(parameters.m))
    guard let available = AvailableMemory.bytes(), needed > available else { return }
    throw VectorIndexError(
      .outOfMemory,
      "the graph of \(itemCount) items takes \(needed >> 20) MiB to build, the machine has \(available >> 20) MiB left; "
        + "publish without a graph, with a smaller m, or on a machine with more memory")
  }
}
