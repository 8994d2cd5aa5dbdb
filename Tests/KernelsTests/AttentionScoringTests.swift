// SPDX-License-Identifier: Apache-2.0

import Glibc
import Kernels
import TestSupport
import Testing

@Suite("Attention with windows, caps and scales of their own is exact")
struct AttentionScoringTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let lengths: [Int]
    let heads: Int
    let keyValueHeads: Int
    let headWidth: Int
    let scoring: AttentionScoring
    var testDescription: String {
      "\(lengths) \(heads)/\(keyValueHeads) x \(headWidth), window \(scoring.window ?? 0), cap \(scoring.softCap ?? 0)"
    }

    var spans: [SequenceSpan] { SequenceSpan.packed(lengths: lengths) }
    var rows: Int { lengths.reduce(0, +) }
    var width: Int { heads * headWidth }
    var keyWidth: Int { keyValueHeads * headWidth }
  }

  /// Windows of one key, within a tile of 64 keys, of a tile, across tiles, and beyond every sequence.
  static let cases = [
    Case(lengths: [1], heads: 1, keyValueHeads: 1, headWidth: 2, scoring: .init(window: 1)),
    Case(lengths: [17, 1, 40], heads: 6, keyValueHeads: 2, headWidth: 8, scoring: .init(softCap: 0.7, window: 7)),
    Case(lengths: [150], heads: 4, keyValueHeads: 1, headWidth: 16, scoring: .init(scale: 0.9, window: 64)),
    Case(lengths: [300, 65], heads: 2, keyValueHeads: 1, headWidth: 12, scoring: .init(softCap: 1.5, window: 100)),
    Case(lengths: [200], heads: 2, keyValueHeads: 2, headWidth: 10, scoring: .init(scale: 0.3, softCap: 50)),
    Case(lengths: [90], heads: 3, keyValueHeads: 3, headWidth: 17, scoring: .init(window: 1)),
    Case(lengths: [70], heads: 2, keyValueHeads: 1, headWidth: 6, scoring: .init(window: 500)),
  ]

  private struct Input {
    let query: [Double], key: [Double], value: [Double], dout: [Double]

    init(_ c: Case) {
      var random = SeededGenerator(seed: UInt64(c.rows + c.headWidth))
      query = random.doubles(c.rows * c.width, scale: 2)
      key = random.doubles(c.rows * c.keyWidth, scale: 2)
      value = random.doubles(c.rows * c.keyWidth)
      dout = random.doubles(query.count)
    }
  }

  /// The definition, one score at a time.
  private func defined(_ c: Case, _ query: [Double], _ key: [Double], _ value: [Double]) -> [Double] {
    var out = [Double].zeros(query.count)
    let scale = c.scoring.scale.map(Double.init) ?? 1 / Double(c.headWidth).squareRoot()
    for span in c.spans {
      for (position, row) in span.queries.enumerated() {
        for head in 0..<c.heads {
          let keys = span.keys.prefix(position + 1).suffix(c.scoring.window ?? .max)
          let (at, from) = (row * c.width + head * c.headWidth, head / (c.heads / c.keyValueHeads) * c.headWidth)
          let weights = keys.map { k in
            let score = (0..<c.headWidth).reduce(0.0) { $0 + query[at + $1] * key[k * c.keyWidth + from + $1] } * scale
            return exp(c.scoring.softCap.map { Double($0) * tanh(score / Double($0)) } ?? score)
          }
          let sum = weights.reduce(0, +)
          for (k, weight) in zip(keys, weights) {
            for e in 0..<c.headWidth { out[at + e] += weight / sum * value[k * c.keyWidth + from + e] }
          }
        }
      }
    }
    return out
  }

  private func attention(
    _ c: Case, _ input: Input, _ spans: [SequenceSpan], threads: Int, _ instructionSet: InstructionSet?
  ) -> [Float] {
    var out = Activations(rows: c.rows, width: c.width, values: [Float](repeating: 0, count: c.rows * c.width))
    ComputeTeam(threads: threads).attention(
      query: Activations(rows: c.rows, width: c.width, values: input.query.floats),
      key: Activations(rows: c.rows, width: c.keyWidth, values: input.key.floats),
      value: Activations(rows: c.rows, width: c.keyWidth, values: input.value.floats), sequences: spans,
      heads: c.heads, keyValueHeads: c.keyValueHeads, causal: true, scoring: c.scoring,
      instructionSet: instructionSet, into: &out)
    return out.values
  }

  // As in AttentionTests; a cap's tanh adds a few units in the last place of scores up to the cap.
  @Test(arguments: cases, InstructionSet.supported)
  func `Attention matches the definition`(_ c: Case, instructionSet: InstructionSet) {
    let input = Input(c)
    let expected = defined(c, input.query, input.key, input.value).floats
    for threads in [1, 2] {
      #expect(relativeError(attention(c, input, c.spans, threads: threads, instructionSet), expected) < 2e-5)
    }
  }

  /// A prefix cache leaves some of a sequence's last positions as queries, the last layer a single one.
  @Test(arguments: cases, InstructionSet.supported)
  func `Some last queries give the full computation's rows to the bit`(_ c: Case, instructionSet: InstructionSet) {
    let input = Input(c)
    let full = attention(c, input, c.spans, threads: 1, instructionSet)
    for count in [1, 7, 50] {
      let spans = c.spans.map { SequenceSpan(queries: $0.queries.suffix(count), keys: $0.keys) }
      let some = attention(c, input, spans, threads: 2, instructionSet)
      for row in spans.flatMap(\.queries) {
        let values = row * c.width..<(row + 1) * c.width
        #expect(some[values].elementsEqual(full[values]))
      }
    }
  }

  @Test(arguments: cases.prefix(3) + cases.suffix(2), InstructionSet.supported)
  func `The gradient is that of the definition`(_ c: Case, instructionSet: InstructionSet) {
    let input = Input(c)
    let team = ComputeTeam(threads: 2)
    let query = Activations(rows: c.rows, width: c.width, values: input.query.floats)
    let key = Activations(rows: c.rows, width: c.keyWidth, values: input.key.floats)
    let value = Activations(rows: c.rows, width: c.keyWidth, values: input.value.floats)
    let dout = Activations(rows: c.rows, width: c.width, values: input.dout.floats)
    var out = Activations(rows: c.rows, width: c.width)
    var logSums = Activations(rows: c.rows, width: c.heads)
    team.attention(
      query: query, key: key, value: value, sequences: c.spans, heads: c.heads, keyValueHeads: c.keyValueHeads,
      scoring: c.scoring, into: &out, logSums: &logSums)
    var dquery = Activations(rows: c.rows, width: c.width)
    var dkey = Activations(rows: c.rows, width: c.keyWidth)
    var dvalue = Activations(rows: c.rows, width: c.keyWidth)
    team.attentionBackward(
      dout, out: out, logSums: logSums, query: query, key: key, value: value, sequences: c.spans, heads: c.heads,
      keyValueHeads: c.keyValueHeads, scoring: c.scoring, instructionSet: instructionSet, dquery: &dquery,
      dkey: &dkey, dvalue: &dvalue)
    let errors = [
      FiniteDifferences.error(of: dquery.values.map(Double.init), at: input.query) {
        defined(c, $0, input.key, input.value).dot(input.dout)
      },
      FiniteDifferences.error(of: dkey.values.map(Double.init), at: input.key) {
        defined(c, input.query, $0, input.value).dot(input.dout)
      },
      FiniteDifferences.error(of: dvalue.values.map(Double.init), at: input.value) {
        defined(c, input.query, input.key, $0).dot(input.dout)
      },
    ]
    // Along random directions, sums of thousands of elements in 32 bits.
    #expect(errors.allSatisfy { $0 < 1e-4 })
  }
}
