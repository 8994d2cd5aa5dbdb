// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Sequences that are computed together: their rows one after the other, without padding.
///
/// Letters as in `LlamaConfiguration`; T counts the rows of all sequences, R those whose final states are read.
struct PackedSequences {
  /// A sequence's rows, and how many of its last ones are read.
  struct Member {
    let length: Int
    let outputs: Int
  }

  /// Of each row, in its sequence: [T].
  let positions: [Int32]
  let spans: [SequenceSpan]
  /// Rows that are read: [R].
  let outputRows: [Int32]
  /// The same sequences with those rows alone as queries, which then are the rows 0..<R.
  let outputSpans: [SequenceSpan]

  /// T.
  var rowCount: Int { positions.count }
  var outputPositions: [Int32] { outputRows.map { positions[Int($0)] } }

  /// - Precondition: every sequence has a row, and no more outputs than rows.
  init(_ members: [Member]) {
    precondition(members.allSatisfy { $0.length > 0 && (0...$0.length).contains($0.outputs) })
    positions = members.flatMap { (0..<Int32($0.length)) }
    spans = SequenceSpan.packed(lengths: members.map(\.length))
    outputRows = zip(spans, members).flatMap { $0.keys.suffix($1.outputs).map(Int32.init) }
    var start = 0
    outputSpans = zip(spans, members).map { span, member in
      defer { start += member.outputs }
      return SequenceSpan(queries: start..<start + member.outputs, keys: span.keys)
    }
  }
}
