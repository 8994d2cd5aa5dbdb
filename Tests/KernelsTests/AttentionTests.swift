// SPDX-License-Identifier: Apache-2.0

import CKernelReferences
import CKernels
import Kernels
import TestSupport
import Testing

@Suite("Attention is exact")
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
    Shape(lengths: [47, 48, 49, 64, 65], heads: 3, keyValueHeads: 3, headWidth: 17),
    Shape(lengths: [200], heads: 8, keyValueHeads: 2, headWidth: 80),
    Shape(lengths: [300], heads: 1, keyValueHeads: 1, headWidth: 128),
  ]

  // Weights sum to 1 and values lie in [-1, 1]; exp is good to 2 ulp, scores of up to 128 products add their rounding.
  static let tolerance: Float = 3e-6

  @Test(arguments: shapes, InstructionSet.supported)
  func `Attention matches the definition`(_ shape: Shape, instructionSet: InstructionSet) {
    let packed = SequenceSpan.packed(lengths: shape.lengths)
    let input = Input(shape, scale: 3)
    for causal in [false, true] {
      let expected = reference(input, packed, causal: causal)
      for threads in [1, 2] {
        let found = attention(input, packed, causal: causal, threads: threads, instructionSet)
        #expect(relativeError(found, expected) < Self.tolerance)
      }
    }
  }

  /// A prefix cache leaves some of a sequence's last positions as queries, the last layer a single one.
  @Test(arguments: shapes, InstructionSet.supported)
  func `Some last queries give the full computation's rows to the bit`(_ shape: Shape, instructionSet: InstructionSet) {
    let input = Input(shape)
    let packed = SequenceSpan.packed(lengths: shape.lengths)
    let full = attention(input, packed, causal: true, threads: 1, instructionSet)
    for count in [1, 7, 50] {
      let spans = packed.map { SequenceSpan(queries: $0.queries.suffix(count), keys: $0.keys) }
      let some = attention(input, spans, causal: true, threads: 2, instructionSet)
      for row in spans.flatMap(\.queries) {
        let values = row * input.width..<(row + 1) * input.width
        #expect(some[values].elementsEqual(full[values]))
      }
    }
  }

  @Test(arguments: shapes, InstructionSet.supported)
  func `Neighbours in a batch change nothing`(_ shape: Shape, instructionSet: InstructionSet) {
    let input = Input(shape)
    for causal in [false, true] {
      let packed = SequenceSpan.packed(lengths: shape.lengths)
      let together = attention(input, packed, causal: causal, threads: 3, instructionSet)
      for span in packed {
        let alone = attention(input, [span], causal: causal, threads: 1, instructionSet)
        let values = span.queries.lowerBound * input.width..<span.queries.upperBound * input.width
        #expect(together[values].elementsEqual(alone[values]))
      }
    }
  }

  @Test(arguments: shapes) func `Parts of one matrix are as good as three`(_ shape: Shape) {
    let input = Input(shape)
    let packed = SequenceSpan.packed(lengths: shape.lengths)
    var out = Activations(rows: input.rows, width: input.width)
    ComputeTeam(threads: 2).attention(
      queryKeyValue: input.together, sequences: packed, heads: shape.heads, keyValueHeads: shape.keyValueHeads,
      causal: true, into: &out)
    #expect(out.values == attention(input, packed, causal: true, threads: 1, nil))
  }

  @Test(arguments: shapes, InstructionSet.supported)
  func `Biases by distance match the definition`(_ shape: Shape, instructionSet: InstructionSet) {
    let equal = Shape(
      lengths: shape.lengths, heads: shape.heads, keyValueHeads: shape.heads, headWidth: shape.headWidth)
    let input = Input(equal)
    let packed = SequenceSpan.packed(lengths: shape.lengths)
    let longest = shape.lengths.max() ?? 1
    // Biases for no more distances than there are, and for some that do not occur.
    for reach in [longest - 1, longest + 60] {
      var random = SeededGenerator(seed: UInt64(reach))
      let bias = random.uniform(shape.heads * (2 * reach + 1), scale: 4)
      let expected = reference(input, packed, bias: bias, reach: reach)
      for threads in [1, 2] {
        var out = Activations(rows: input.rows, width: input.width)
        ComputeTeam(threads: threads).attention(
          queryKeyValue: input.together, sequences: packed, heads: shape.heads,
          bias: WeightTensor(shape: [shape.heads, 2 * reach + 1], values: bias), instructionSet: instructionSet,
          into: &out)
        #expect(relativeError(out.values, expected) < Self.tolerance)
      }
    }
  }

  @Test(arguments: InstructionSet.supported)
  func `Large scores do not overflow and what is not finite shows`(_ instructionSet: InstructionSet) {
    let shape = Shape(lengths: [70], heads: 1, keyValueHeads: 1, headWidth: 16)
    let packed = SequenceSpan.packed(lengths: shape.lengths)
    let large = Input(shape, scale: 1e4)
    let found = attention(large, packed, causal: true, threads: 1, instructionSet)
    // One key has all the weight, and a score of 1e9 its rounding of 64.
    #expect(found.allSatisfy { abs($0) <= 1 })
    #expect(relativeError(Array(found.prefix(16)), Array(large.value.prefix(16))) == 0)
    var broken = Input(shape)
    broken.key[40 * 16] = .nan
    let rows = attention(broken, packed, causal: true, threads: 1, instructionSet)
    #expect(rows.prefix(40 * 16).allSatisfy { $0.isFinite })
    #expect(rows.dropFirst(40 * 16).allSatisfy { $0.isNaN })
  }

  private struct Input {
    let shape: Shape
    let query: [Float]  // [rows, width]
    var key: [Float]  // [rows, keyWidth]
    let value: [Float]  // [rows, keyWidth]
    var rows: Int { shape.lengths.reduce(0, +) }
    var width: Int { shape.heads * shape.headWidth }
    var keyWidth: Int { shape.keyValueHeads * shape.headWidth }

    /// Queries, keys and values of a row beside each other.
    var together: Activations {
      var values: [Float] = []
      for row in 0..<rows {
        values += query[row * width..<(row + 1) * width]
        values += key[row * keyWidth..<(row + 1) * keyWidth]
        values += value[row * keyWidth..<(row + 1) * keyWidth]
      }
      return Activations(rows: rows, width: width + 2 * keyWidth, values: values)
    }

    /// - Parameter scale: largest query and key element.
    init(_ shape: Shape, scale: Float = 1) {
      self.shape = shape
      var random = SeededGenerator(seed: UInt64(shape.heads + shape.headWidth))
      let rows = shape.lengths.reduce(0, +)
      query = random.uniform(rows * shape.heads * shape.headWidth, scale: scale)
      key = random.uniform(rows * shape.keyValueHeads * shape.headWidth, scale: scale)
      value = random.uniform(rows * shape.keyValueHeads * shape.headWidth)
    }
  }

  /// [rows, width]; rows that are no query's are zero.
  private func attention(
    _ input: Input, _ sequences: [SequenceSpan], causal: Bool, threads: Int, _ instructionSet: InstructionSet?
  ) -> [Float] {
    let zero = [Float](repeating: 0, count: input.query.count)
    var out = Activations(rows: input.rows, width: input.width, values: zero)
    ComputeTeam(threads: threads).attention(
      query: Activations(rows: input.rows, width: input.width, values: input.query),
      key: Activations(rows: input.rows, width: input.keyWidth, values: input.key),
      value: Activations(rows: input.rows, width: input.keyWidth, values: input.value), sequences: sequences,
      heads: input.shape.heads, keyValueHeads: input.shape.keyValueHeads, causal: causal,
      instructionSet: instructionSet, into: &out)
    return out.values
  }

  private func reference(_ input: Input, _ sequences: [SequenceSpan], causal: Bool) -> [Float] {
    var out = [Float](repeating: 0, count: input.query.count)
    let spans = Self.spans(sequences)
    reference_attention(
      spans, spans.count, input.query, input.width, input.key, input.value, input.keyWidth, input.shape.heads,
      input.shape.keyValueHeads, input.shape.headWidth, 1 / Float(input.shape.headWidth).squareRoot(), causal ? 1 : 0,
      &out, input.width)
    return out
  }

  private func reference(_ input: Input, _ sequences: [SequenceSpan], bias: [Float], reach: Int) -> [Float] {
    var out = [Float](repeating: 0, count: input.query.count)
    let spans = Self.spans(sequences)
    reference_attention_with_bias(
      spans, spans.count, input.query, input.width, input.key, input.value, input.keyWidth, input.shape.heads,
      input.shape.headWidth, 1 / Float(input.shape.headWidth).squareRoot(), bias, reach, &out, input.width)
    return out
  }

  private static func spans(_ sequences: [SequenceSpan]) -> [illmrec_sequence] {
    sequences.map {
      illmrec_sequence(
        query_start: $0.queries.lowerBound, query_count: $0.queries.count, key_start: $0.keys.lowerBound,
        key_count: $0.keys.count)
    }
  }
}
