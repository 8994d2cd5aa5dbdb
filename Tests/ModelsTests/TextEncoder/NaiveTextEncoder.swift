// SPDX-License-Identifier: Apache-2.0

import Glibc

@testable import Models

/// The encoder written out in double precision, one number at a time: what the fast one is tested against.
struct NaiveTextEncoder {
  typealias Rows = [[Double]]

  let fixture: TextEncoderFixture
  private var isBERT: Bool { fixture.family == .bert }
  private let width = TextEncoderFixture.width
  private let heads = TextEncoderFixture.heads

  init(_ fixture: TextEncoderFixture) { self.fixture = fixture }

  /// The vector of every token.
  func hiddenStates(_ ids: [Int32]) -> Rows {
    var x = norm(embed(ids), "embeddings.LayerNorm")
    for layer in 0..<TextEncoderFixture.layers {
      let name = "encoder.layer.\(layer)"
      let output = linear(attend(x, name), "\(name).attention.\(isBERT ? "output.dense" : "attn.o")")
      x = norm(add(x, output), "\(name).attention.\(isBERT ? "output.LayerNorm" : "LayerNorm")")
      let inner = linear(x, "\(name).intermediate.dense").map { $0.map { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) } }
      x = norm(add(x, linear(inner, "\(name).output.dense")), "\(name).output.LayerNorm")
    }
    return x
  }

  func mean(_ ids: [Int32]) -> [Double] {
    let states = hiddenStates(ids)
    return (0..<width).map { c in states.reduce(0) { $0 + $1[c] } / Double(states.count) }
  }

  private func embed(_ ids: [Int32]) -> Rows {
    var position = isBERT ? 0 : 2
    return ids.map { id in
      let isPadding = !isBERT && id == 1
      let place = isPadding ? 1 : position
      if !isPadding { position += 1 }
      return (0..<width).map { c in
        let segment = isBERT ? weight("embeddings.token_type_embeddings.weight", c) : 0
        return weight("embeddings.word_embeddings.weight", Int(id) * width + c)
          + weight("embeddings.position_embeddings.weight", place * width + c) + segment
      }
    }
  }

  private func attend(_ x: Rows, _ name: String) -> Rows {
    let parts = isBERT ? ["self.query", "self.key", "self.value"] : ["attn.q", "attn.k", "attn.v"]
    let projected = parts.map { linear(x, "\(name).attention.\($0)") }
    let e = width / heads
    return x.indices.map { q in
      (0..<heads).flatMap { h in
        let columns = h * e..<(h + 1) * e
        let scores = x.indices.map { k in
          columns.reduce(0.0) { $0 + projected[0][q][$1] * projected[1][k][$1] } / Double(e).squareRoot()
            + (isBERT ? 0 : weight("encoder.relative_attention_bias.weight", Self.bucket(k - q) * heads + h))
        }
        let largest = scores.max() ?? 0
        let powers = scores.map { exp($0 - largest) }
        let sum = powers.reduce(0, +)
        return columns.map { c in x.indices.reduce(0.0) { $0 + powers[$1] / sum * projected[2][$1][c] } }
      }
    }
  }

  /// As Hugging Face's `MPNetEncoder.relative_position_bucket` with 32 buckets and a largest distance of 128.
  static func bucket(_ offset: Int) -> Int {
    let base = offset > 0 ? 16 : 0
    let distance = abs(offset)
    if distance < 8 { return base + distance }
    let large = 8 + Int(logf(Float(distance) / 8) / logf(16) * 8)
    return base + min(large, 15)
  }

  private func linear(_ x: Rows, _ name: String) -> Rows {
    let inputs = x[0].count
    let outputs = fixture.weights["\(name).bias"]?.count ?? 0
    return x.map { row in
      (0..<outputs).map { o in
        (0..<inputs).reduce(weight("\(name).bias", o)) { $0 + row[$1] * weight("\(name).weight", o * inputs + $1) }
      }
    }
  }

  private func norm(_ x: Rows, _ name: String) -> Rows {
    x.map { row in
      let mean = row.reduce(0, +) / Double(row.count)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
      return row.indices.map { c in
        (row[c] - mean) / (variance + TextEncoderFixture.epsilon).squareRoot() * weight("\(name).weight", c)
          + weight("\(name).bias", c)
      }
    }
  }

  private func add(_ x: Rows, _ y: Rows) -> Rows { zip(x, y).map { zip($0, $1).map(+) } }

  private func weight(_ name: String, _ index: Int) -> Double { Double(fixture.weights[name]?[index] ?? .nan) }
}
