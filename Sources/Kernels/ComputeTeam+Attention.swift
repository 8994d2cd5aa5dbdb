// SPDX-License-Identifier: Apache-2.0

import CKernels

/// One sequence of a packed batch.
package struct SequenceSpan: Sendable, Equatable {
  /// Its rows in the query matrix: the last positions of the sequence.
  package let queries: Range<Int>
  /// Its rows in the key and value matrices.
  package let keys: Range<Int>

  package init(queries: Range<Int>, keys: Range<Int>) {
    self.queries = queries
    self.keys = keys
  }

  /// Sequences of `lengths` rows, one after the other, each row both a query and a key.
  package static func packed(lengths: [Int]) -> [SequenceSpan] {
    var start = 0
    return lengths.map { length in
      defer { start += length }
      return SequenceSpan(queries: start..<start + length, keys: start..<start + length)
    }
  }
}

extension ComputeTeam {
  /// Scaled dot-product attention, sequence by sequence, without padding.
  ///
  ///     out[q, h] = softmax(query[q, h] · key[:, h / (H / G)]ᵀ / sqrt(E)) · value[:, h / (H / G)]
  ///
  /// - Parameters:
  ///   - query: [rows, H · E].
  ///   - key: [rows, G · E].
  ///   - value: [rows, G · E].
  ///   - sequences: which rows belong together.
  ///   - heads: H, a multiple of `keyValueHeads`, G.
  ///   - causal: each query sees the keys up to its own position alone; a sequence's queries are its last positions.
  ///   - scoring: what else becomes of scores.
  ///   - out: [rows, H · E]; only the rows of the sequences' queries are written.
  ///   - instructionSet: the machine's best when nil.
  /// - Complexity: O(sum over the sequences of queries · keys · H · E); scores are never kept beyond a tile of 64 keys.
  ///   A query's result is the same to the last bit whatever else is computed with it, and on any number of threads.
  /// - Source: Vaswani et al. 2017, section 3.2; grouped queries: Ainslie et al. 2023; running maximum:
  ///   Milakov & Gimelshein 2018, algorithm 3.
  package func attention(
    query: borrowing Activations, key: borrowing Activations, value: borrowing Activations, sequences: [SequenceSpan],
    heads: Int, keyValueHeads: Int, causal: Bool, scoring: AttentionScoring = .plain,
    instructionSet: InstructionSet? = nil, into out: inout Activations
  ) {
    precondition(heads % keyValueHeads == 0 && query.width % heads == 0 && out.width == query.width)
    precondition(causal || scoring.window == nil)
    precondition(key.width == keyValueHeads * (query.width / heads))
    precondition(value.width == key.width && value.rows == key.rows)
    attend(
      AttentionInput(
        query: query.base, queryRows: query.rows, queryStride: query.width, key: key.base, value: value.base,
        keyRows: key.rows, keyStride: key.width),
      sequences, heads: heads, keyValueHeads: keyValueHeads, causal: causal, scoring, instructionSet, into: &out)
  }

  /// Attention whose queries, keys and values lie beside each other, as one matrix product makes them.
  ///
  /// - Parameters:
  ///   - queryKeyValue: [rows, H · E + G · E + G · E].
  ///   - out: [rows, H · E].
  ///
  /// The rest is as in `attention(query:key:value:sequences:heads:keyValueHeads:causal:scoring:instructionSet:into:)`.
  package func attention(
    queryKeyValue: borrowing Activations, sequences: [SequenceSpan], heads: Int, keyValueHeads: Int, causal: Bool,
    instructionSet: InstructionSet? = nil, into out: inout Activations
  ) {
    let keyWidth = out.width / heads * keyValueHeads
    precondition(heads % keyValueHeads == 0 && out.width % heads == 0)
    precondition(queryKeyValue.width == out.width + 2 * keyWidth)
    let (base, rows, stride) = (queryKeyValue.base, queryKeyValue.rows, queryKeyValue.width)
    attend(
      AttentionInput(
        query: base, queryRows: rows, queryStride: stride, key: base + out.width, value: base + out.width + keyWidth,
        keyRows: rows, keyStride: stride),
      sequences, heads: heads, keyValueHeads: keyValueHeads, causal: causal, .plain, instructionSet, into: &out)
  }

  /// Attention in which every query sees all keys of its sequence, and the distance between the two counts.
  ///
  ///     out[q, h] = softmax(query[q, h] · key[:, h]ᵀ / sqrt(E) + bias[h, reach + : - q]) · value[:, h]
  ///
  /// - Parameters:
  ///   - queryKeyValue: [rows, H · E + H · E + H · E].
  ///   - sequences: which rows belong together; none has more than reach + 1 keys.
  ///   - bias: [H, 2 · reach + 1]; element reach + d of a row is for keys d positions after the query.
  ///   - out: [rows, H · E].
  /// - Source: the relative positions of Raffel et al. 2020, section 2.1.
  package func attention(
    queryKeyValue: borrowing Activations, sequences: [SequenceSpan], heads: Int, bias: WeightTensor,
    instructionSet: InstructionSet? = nil, into out: inout Activations
  ) {
    let reach = bias.count / heads / 2
    precondition(bias.count == heads * (2 * reach + 1) && out.width % heads == 0)
    precondition(queryKeyValue.width == 3 * out.width)
    precondition(sequences.allSatisfy { $0.queries.count <= $0.keys.count && $0.keys.count <= reach + 1 })
    let input = AttentionInput(
      query: queryKeyValue.base, queryRows: queryKeyValue.rows, queryStride: queryKeyValue.width,
      key: queryKeyValue.base + out.width, value: queryKeyValue.base + 2 * out.width, keyRows: queryKeyValue.rows,
      keyStride: queryKeyValue.width)
    let spans = input.checked(sequences, outRows: out.rows, causal: false)
    let headWidth = out.width / heads
    let status = illmrec_attention_with_bias(
      handle, InstructionSet.constant(of: instructionSet), spans, spans.count, input.query, input.queryStride,
      input.key, input.value, input.keyStride, heads, headWidth, 1 / Float(headWidth).squareRoot(), bias.base, reach,
      out.base, out.width)
    guard status == 0 else { fatalError("no memory for attention") }
  }

  private func attend(
    _ input: AttentionInput, _ sequences: [SequenceSpan], heads: Int, keyValueHeads: Int, causal: Bool,
    _ scoring: AttentionScoring, _ instructionSet: InstructionSet?, into out: inout Activations
  ) {
    let spans = input.checked(sequences, outRows: out.rows, causal: causal)
    let headWidth = out.width / heads
    let status = illmrec_attention_with_log_sums(
      handle, InstructionSet.constant(of: instructionSet), spans, spans.count, input.query, input.queryStride,
      input.key, input.value, input.keyStride, heads, keyValueHeads, headWidth, scoring.scale(headWidth: headWidth),
      causal ? 1 : 0, scoring.limits, out.base, out.width, nil)
    guard status == 0 else { fatalError("no memory for attention") }
  }
}

/// Where an attention's rows lie.
private struct AttentionInput {
  let query: UnsafePointer<Float>
  let queryRows: Int
  /// Floats from one row to the next.
  let queryStride: Int
  let key: UnsafePointer<Float>
  let value: UnsafePointer<Float>
  let keyRows: Int
  /// Floats from one row to the next.
  let keyStride: Int

  /// The sequences as the kernels take them.
  func checked(_ sequences: [SequenceSpan], outRows: Int, causal: Bool) -> [illmrec_sequence] {
    sequences.map { sequence in
      precondition(sequence.queries.upperBound <= queryRows && sequence.queries.upperBound <= outRows)
      precondition(sequence.keys.upperBound <= keyRows && !sequence.keys.isEmpty)
      precondition(!causal || sequence.queries.count <= sequence.keys.count)
      return illmrec_sequence(
        query_start: sequence.queries.lowerBound, query_count: sequence.queries.count,
        key_start: sequence.keys.lowerBound, key_count: sequence.keys.count)
    }
  }
}
