// SPDX-License-Identifier: Apache-2.0

import CKernelReferences
import CKernels
import Kernels
import TestSupport
import Testing

@Suite("Gradients of attention are exact")
struct AttentionBackwardTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    let lengths: [Int]
    /// Most last rows of each sequence that are queries.
    let queries: Int
    let heads: Int
    let keyValueHeads: Int
    let headWidth: Int
    var testDescription: String {
      "\(lengths), \(queries) queries, \(heads)/\(keyValueHeads) x \(headWidth)"
    }
  }

  static let shapes = [
    Shape(lengths: [1], queries: 1, heads: 1, keyValueHeads: 1, headWidth: 2),
    Shape(lengths: [5, 3], queries: 9, heads: 2, keyValueHeads: 2, headWidth: 3),
    Shape(lengths: [17, 1, 40], queries: 50, heads: 6, keyValueHeads: 2, headWidth: 8),
    Shape(lengths: [17, 1, 40], queries: 4, heads: 6, keyValueHeads: 2, headWidth: 7),
    Shape(lengths: [150], queries: 70, heads: 4, keyValueHeads: 1, headWidth: 16),
    Shape(lengths: [300, 65], queries: 400, heads: 2, keyValueHeads: 1, headWidth: 80),
  ]

  // Weights are exponentials of scores of up to 20 with their rounding; what is summed is as in the forward pass.
  static let tolerance: Float = 1e-5

  struct Case {
    let shape: Shape
    let sequences: [SequenceSpan]
    let rows: Int, queryRows: Int
    let query: [Double], key: [Double], value: [Double], dout: [Double]
    var spans: [illmrec_sequence] {
      sequences.map {
        illmrec_sequence(
          query_start: $0.queries.lowerBound, query_count: $0.queries.count,
          key_start: $0.keys.lowerBound,
          key_count: $0.keys.count)
      }
    }

    init(_ shape: Shape) {
      self.shape = shape
      var start = 0
      sequences = SequenceSpan.packed(lengths: shape.lengths).map { span in
        let count = min(shape.queries, span.keys.count)
        defer { start += count }
        return SequenceSpan(queries: start..<start + count, keys: span.keys)
      }
      rows = shape.lengths.reduce(0, +)
      queryRows = start
      var random = SeededGenerator(seed: UInt64(shape.heads + shape.headWidth))
      query = random.doubles(queryRows * shape.heads * shape.headWidth, scale: 2)
      key = random.doubles(rows * shape.keyValueHeads * shape.headWidth, scale: 2)
      value = random.doubles(rows * shape.keyValueHeads * shape.headWidth)
      dout = random.doubles(query.count)
    }

    func loss(_ query: [Double], _ key: [Double], _ value: [Double]) -> Double {
      var out = [Double].zeros(query.count)
      reference64_attention(
        spans, spans.count, query, key, value, shape.heads, shape.keyValueHeads, shape.headWidth, 1,
        &out)
      return out.dot(dout)
    }

    func gradients() -> (query: [Double], key: [Double], value: [Double]) {
      var (dquery, dkey, dvalue) = (
        [Double].zeros(query.count), [Double].zeros(key.count), [Double].zeros(key.count)
      )
      reference64_attention_backward(
        spans, spans.count, query, key, value, shape.heads, shape.keyValueHeads, shape.headWidth, 1,
        dout, &dquery,
        &dkey, &dvalue)
      return (dquery, dkey, dvalue)
    }
  }

  @Test(arguments: shapes.prefix(4)) func `The definition is the gradient`(_ shape: Shape) {
    let c = Case(shape)
    let gradients = c.gradients()
    let errors = [
      FiniteDifferences.error(of: gradients.query, at: c.query) { c.loss($0, c.key, c.value) },
      FiniteDifferences.error(of: gradients.key, at: c.key) { c.loss(c.query, $0, c.value) },
      FiniteDifferences.error(of: gradients.value, at: c.value) { c.loss(c.query, c.key, $0) },
    ]
    #expect(errors.allSatisfy { $0 < FiniteDifferences.tolerance })
  }

  @Test(arguments: shapes, InstructionSet.supported)
  func `The fast gradient matches the definition`(_ shape: Shape, instructionSet: InstructionSet) {
    let c = Case(shape)
    let expected = c.gradients()
    let (width, keyWidth) = (shape.heads * shape.headWidth, shape.keyValueHeads * shape.headWidth)
    let query = Activations(rows: c.queryRows, width: width, values: c.query.floats)
    let key = Activations(rows: c.rows, width: keyWidth, values: c.key.floats)
    let value = Activations(rows: c.rows, width: keyWidth, values: c.value.floats)
    let dout = Activations(rows: c.queryRows, width: width, values: c.dout.floats)
    for threads in [1, 3] {
      let team = ComputeTeam(threads: threads)
      var out = Activations(rows: c.queryRows, width: width)
      var logSums = Activations(rows: c.queryRows, width: shape.heads)
      team.attention(
        query: query, key: key, value: value, sequences: c.sequences, heads: shape.heads,
        keyValueHeads: shape.keyValueHeads, into: &out, logSums: &logSums)
      var dquery = Activations(rows: c.queryRows, width: width)
      var dkey = Activations(rows: c.rows, width: keyWidth)
      var dvalue = Activations(rows: c.rows, width: keyWidth)
      team.attentionBackward(
        dout, out: out, logSums: logSums, query: query, key: key, value: value,
        sequences: c.sequences,
        heads: shape.heads, keyValueHeads: shape.keyValueHeads, instructionSet: instructionSet,
        dquery: &dquery,
        dkey: &dkey, dvalue: &dvalue)
      // One query that sees one key has no choice: those gradients are zero but for rounding.
      if c.rows > 1 {
        #expect(relativeError(dquery.values, expected.query.floats) < Self.tolerance)
        #expect(relativeError(dkey.values, expected.key.floats) < Self.tolerance)
      }
      #expect(relativeError(dvalue.values, expected.value.floats) < Self.tolerance)
    }
  }
}
