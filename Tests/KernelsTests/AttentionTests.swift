import CKernels
import Kernels
import Testing

struct AttentionTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    let lengths: [Int]
    let heads: Int
    let keyValueHeads: Int
    let headWidth: Int
    var testDescription: String { "\(lengths) \(heads)/\(keyValueHeads) x \(headWidth)" }
  }

  static let shapes = [
    Shape(lengths: [1], heads: 1, keyValueHeads: 1, headWidth: 2),
    Shape(lengths: [5], heads: 2, keyValueHeads: 2, headWidth: 3),
    Shape(lengths: [17, 1, 40], heads: 6, keyValueHeads: 2, headWidth: 8),
    Shape(lengths: [129, 2], heads: 2, keyValueHeads: 1, headWidth: 72),
    Shape(lengths: [300], heads: 1, keyValueHeads: 1, headWidth: 128),
  ]

  // Weights sum to 1 and values lie in [-1, 1]; exp is good to 2 ulp, scores of up to 128 products add their rounding.
  static let tolerance: Float = 3e-6

  @Test(arguments: shapes, [false, true])
  func matchesTheDefinition(_ shape: Shape, causal: Bool) {
    var random = RandomValues(seed: UInt64(shape.heads + shape.headWidth))
    let rows = shape.lengths.reduce(0, +)
    let query = random.uniform(rows * shape.heads * shape.headWidth, scale: 3)
    let key = random.uniform(rows * shape.keyValueHeads * shape.headWidth, scale: 3)
    let value = random.uniform(rows * shape.keyValueHeads * shape.headWidth)
    let expected = reference(
      query, key, value, SequenceSpan.packed(lengths: shape.lengths), shape, rows: rows, causal: causal)
    for threads in [1, 2] {
      let found = attention(
        query, key, value, SequenceSpan.packed(lengths: shape.lengths), shape, queryRows: rows, causal: causal,
        threads: threads)
      #expect(relativeError(found, expected) < Self.tolerance)
    }
  }

  /// The last layer computes one query per sequence: it must see all of its sequence, causal or not.
  @Test(arguments: shapes) func aLastQueryAloneGivesTheFullComputationsLastRow(_ shape: Shape) {
    var random = RandomValues(seed: 11)
    let rows = shape.lengths.reduce(0, +)
    let width = shape.heads * shape.headWidth
    let query = random.uniform(rows * width)
    let key = random.uniform(rows * shape.keyValueHeads * shape.headWidth)
    let value = random.uniform(rows * shape.keyValueHeads * shape.headWidth)
    let packed = SequenceSpan.packed(lengths: shape.lengths)
    let full = reference(query, key, value, packed, shape, rows: rows, causal: true)
    let lastRows = packed.map { $0.keys.upperBound - 1 }
    let alone = attention(
      lastRows.flatMap { query[$0 * width..<($0 + 1) * width] }, key, value,
      packed.enumerated().map { SequenceSpan(queries: $0.offset..<$0.offset + 1, keys: $0.element.keys) }, shape,
      queryRows: lastRows.count, causal: true, threads: 1)
    #expect(relativeError(alone, lastRows.flatMap { full[$0 * width..<($0 + 1) * width] }) < Self.tolerance)
  }

  private func attention(
    _ query: [Float], _ key: [Float], _ value: [Float], _ sequences: [SequenceSpan], _ shape: Shape, queryRows: Int,
    causal: Bool, threads: Int
  ) -> [Float] {
    let kvWidth = shape.keyValueHeads * shape.headWidth
    let keys = Activations(rows: key.count / kvWidth, width: kvWidth, values: key)
    let values = Activations(rows: value.count / kvWidth, width: kvWidth, values: value)
    let queries = Activations(rows: queryRows, width: shape.heads * shape.headWidth, values: query)
    var out = Activations(rows: queryRows, width: shape.heads * shape.headWidth)
    ComputeTeam(threads: threads).attention(
      query: queries, key: keys, value: values, sequences: sequences, heads: shape.heads,
      keyValueHeads: shape.keyValueHeads, causal: causal, into: &out)
    return out.values
  }

  private func reference(
    _ query: [Float], _ key: [Float], _ value: [Float], _ sequences: [SequenceSpan], _ shape: Shape, rows: Int,
    causal: Bool
  ) -> [Float] {
    var out = [Float](repeating: 0, count: rows * shape.heads * shape.headWidth)
    let spans = sequences.map {
      illmrec_sequence(
        query_start: $0.queries.lowerBound, query_count: $0.queries.count, key_start: $0.keys.lowerBound,
        key_count: $0.keys.count)
    }
    reference_attention(
      spans, spans.count, query, shape.heads * shape.headWidth, key, value, shape.keyValueHeads * shape.headWidth,
      shape.heads, shape.keyValueHeads, shape.headWidth, 1 / Float(shape.headWidth).squareRoot(), causal ? 1 : 0, &out,
      shape.heads * shape.headWidth)
    return out
  }
}
