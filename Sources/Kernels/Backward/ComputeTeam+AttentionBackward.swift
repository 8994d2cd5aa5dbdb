// SPDX-License-Identifier: Apache-2.0

import CKernels

extension ComputeTeam {
  /// Causal attention that also says what its gradient needs of the softmax; see
  /// `attention(query:key:value:sequences:heads:keyValueHeads:causal:scoring:instructionSet:into:)`.
  ///
  /// - Parameter logSums: [rows, H], for each query and head the logarithm of the sum of its scores' exponentials.
  package func attention(
    query: borrowing Activations, key: borrowing Activations, value: borrowing Activations, sequences: [SequenceSpan],
    heads: Int, keyValueHeads: Int, scoring: AttentionScoring = .plain, into out: inout Activations,
    logSums: inout Activations
  ) {
    let shape = AttentionShape(query, key, value, sequences, heads: heads, keyValueHeads: keyValueHeads)
    precondition(out.width == query.width && out.rows == query.rows)
    precondition(logSums.width == heads && logSums.rows == query.rows)
    let status = illmrec_attention_with_log_sums(
      handle, ILLMREC_ISA_BEST, shape.spans, shape.spans.count, query.base, query.width, key.base, value.base,
      key.width, heads, keyValueHeads, shape.headWidth, scoring.scale(headWidth: shape.headWidth), 1, scoring.limits,
      out.base, out.width, logSums.base)
    guard status == 0 else { fatalError("no memory for attention") }
  }

  /// The gradients of causal attention by queries, keys and values. With weights p = exp(s - logSum), recomputed tile by tile:
  ///
  ///     dvalue[k] += sum over q of p[q, k] dout[q]
  ///     ds[q, k] = p[q, k] (dout[q] · value[k] - dout[q] · out[q])
  ///     dquery[q] = sum over k of ds[q, k] key[k] · scale        dkey[k] = sum over q of ds[q, k] query[q] · scale
  ///
  /// summed over the query heads that share a key/value head; ds counts 1 - (score / cap)² where scores are capped.
  ///
  /// - Parameters:
  ///   - dout: [rows, H · E].
  ///   - out: [rows, H · E], what attention gave, with its `logSums` [rows, H].
  ///   - query: [rows, H · E].
  ///   - key: [rows, G · E].
  ///   - value: [rows, G · E].
  ///   - sequences: as in attention; no two share keys.
  ///   - dquery: [rows, H · E], overwritten in the rows of the sequences' queries; so are dkey and dvalue [rows, G · E] in
  ///     the rows of their keys.
  /// - Complexity: O(sum over the sequences of queries · keys · H · E); memory does not grow with the length.
  /// - Source: Dao et al. 2022, algorithm 4.
  package func attentionBackward(
    _ dout: borrowing Activations, out: borrowing Activations, logSums: borrowing Activations,
    query: borrowing Activations, key: borrowing Activations, value: borrowing Activations, sequences: [SequenceSpan],
    heads: Int, keyValueHeads: Int, scoring: AttentionScoring = .plain, instructionSet: InstructionSet? = nil,
    dquery: inout Activations, dkey: inout Activations, dvalue: inout Activations
  ) {
    let shape = AttentionShape(query, key, value, sequences, heads: heads, keyValueHeads: keyValueHeads)
    for matrix in [(dout.width, dout.rows), (out.width, out.rows), (dquery.width, dquery.rows)] {
      precondition(matrix == (query.width, query.rows))
    }
    precondition(dkey.width == key.width && dkey.rows == key.rows && dvalue.width == key.width)
    precondition(dvalue.rows == key.rows && logSums.width == heads && logSums.rows == query.rows)
    shape.spans.withUnsafeBufferPointer { spans in
      var gradient = illmrec_attention_gradient(
        sequences: spans.baseAddress, sequence_count: spans.count, query: query.base, key: key.base,
        value: value.base, out: out.base, log_sums: logSums.base, dout: dout.base, query_stride: query.width,
        kv_stride: key.width, heads: heads, kv_heads: keyValueHeads, head_width: shape.headWidth,
        scale: scoring.scale(headWidth: shape.headWidth), causal: 1, limits: scoring.limits, dquery: dquery.base,
        dkey: dkey.base, dvalue: dvalue.base)
      let status = illmrec_attention_backward(handle, InstructionSet.constant(of: instructionSet), &gradient)
      guard status == 0 else { fatalError("no memory for attention") }
    }
  }
}

/// Sizes that were checked against each other.
private struct AttentionShape {
  let spans: [illmrec_sequence]
  let headWidth: Int

  init(
    _ query: borrowing Activations, _ key: borrowing Activations, _ value: borrowing Activations,
    _ sequences: [SequenceSpan], heads: Int, keyValueHeads: Int
  ) {
    precondition(heads % keyValueHeads == 0 && query.width % heads == 0)
    headWidth = query.width / heads
    precondition(key.width == keyValueHeads * headWidth && value.width == key.width && value.rows == key.rows)
    let (queryRows, keyRows) = (query.rows, key.rows)
    spans = sequences.map { sequence in
      precondition(sequence.queries.upperBound <= queryRows && sequence.keys.upperBound <= keyRows)
      precondition(!sequence.keys.isEmpty && sequence.queries.count <= sequence.keys.count)
      return illmrec_sequence(
        query_start: sequence.queries.lowerBound, query_count: sequence.queries.count,
        key_start: sequence.keys.lowerBound, key_count: sequence.keys.count)
    }
  }
}
