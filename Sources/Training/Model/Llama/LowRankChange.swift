// SPDX-License-Identifier: Apache-2.0

import Datasets
import Kernels
import Models

/// A trained low-rank change of a frozen matrix.
///
///     y[t, o] += sum over r of (sum over i of x[t, i] · a[r, i]) · b[o, r]
///
/// - Source: Hu et al. 2021, with a scale of 1 (PEFT's `lora_alpha` equal to `r`).
struct LowRankChange {
  let a: Parameter  // [r, I]   lora_A
  let b: Parameter  // [O, r]   lora_B

  private var rank: Int { a.shape[0] }

  /// - Parameters:
  ///   - x: [T, I], what the matrix reads.
  ///   - y: [T, O].
  func add(of x: borrowing Activations, to y: inout Activations, on team: ComputeTeam) {
    var inner = Activations(rows: x.rows, width: rank)
    team.linear(x, a.tensor, into: &inner)
    team.linear(inner, b.tensor, adding: true, into: &y)
  }

  /// Adds the gradients by the change, and that by what the matrix read.
  ///
  /// - Parameters:
  ///   - dy: [T, O].
  ///   - dx: [T, I], added to.
  func backward(
    _ dy: borrowing Activations, of x: borrowing Activations, addingTo dx: inout Activations, on team: ComputeTeam
  ) {
    var inner = Activations(rows: x.rows, width: rank)
    team.linear(x, a.tensor, into: &inner)
    team.addLinearGradient(dy, of: inner, to: b.tensor)
    var dinner = Activations(rows: x.rows, width: rank)
    team.linearBackward(dy, through: b.tensor, into: &dinner)
    team.addLinearGradient(dinner, of: x, to: a.tensor)
    team.linearBackward(dinner, through: a.tensor, adding: true, into: &dx)
  }
}

/// The changes of a layer's attention.
struct AttentionChanges {
  let query: LowRankChange
  let key: LowRankChange
  let value: LowRankChange
  let output: LowRankChange
  /// Each once: where one matrix holds queries, keys and values, their changes read the same lora_A.
  let parameters: [Parameter]

  /// Begins without a change: b is zero, and a drawn as PEFT draws it, uniform within ±1/sqrt(I).
  ///
  /// - Parameter isFused: whether one matrix holds queries, keys and values, as PEFT then knows them.
  init(_ attention: LlamaAttention, layer: Int, fused isFused: Bool, _ start: LowRankStart) {
    let name = "\(AdapterWriter.prefix).layers.\(layer).self_attn"
    var streams = UInt64(4 * layer)..<UInt64(4 * layer + 4)
    func a(_ module: String, _ weight: LinearWeight) -> Parameter {
      let a = Parameter("\(name).\(module).lora_A.weight", shape: [start.rank, weight.inputs])
      var numbers = SplitMix64(seed: start.seed ^ LowRankStart.stream, stream: streams.removeFirst())
      let bound = 1 / Float(weight.inputs).squareRoot()
      for place in a.values.indices { a.values[place] = bound * (Float(numbers.next() >> 40) / 8_388_608 - 1) }
      return a
    }
    func b(_ module: String, _ weight: LinearWeight, part: String = "") -> Parameter {
      Parameter("\(name).\(module).lora_B.weight\(part)", shape: [weight.outputs, start.rank])
    }
    let weights = [attention.queryWeight, attention.keyWeight, attention.valueWeight]
    let parts: [LowRankChange]
    if isFused {
      let shared = a("qkv_proj", attention.queryWeight)
      parts = weights.enumerated().map { LowRankChange(a: shared, b: b("qkv_proj", $1, part: ".\($0)")) }
    } else {
      parts = zip(["q_proj", "k_proj", "v_proj"], weights).map { LowRankChange(a: a($0, $1), b: b($0, $1)) }
    }
    output = LowRankChange(a: a("o_proj", attention.outputWeight), b: b("o_proj", attention.outputWeight))
    (query, key, value) = (parts[0], parts[1], parts[2])
    parameters =
      (isFused ? [parts[0].a] + parts.map(\.b) : parts.flatMap { [$0.a, $0.b] }) + [output.a, output.b]
  }
}

/// What low-rank changes begin as.
package struct LowRankStart: Sendable, Equatable {
  /// r.
  package var rank: Int
  package var seed: UInt64

  /// Tells its streams from those of other draws.
  static let stream: UInt64 = 0x6C6F_7261_0000_0000
  package static let ranks = 1...1024

  package init(rank: Int, seed: UInt64) {
    self.rank = rank
    self.seed = seed
  }
}
