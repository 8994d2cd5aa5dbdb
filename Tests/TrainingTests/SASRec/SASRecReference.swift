// SPDX-License-Identifier: Apache-2.0

import Glibc
import Models

@testable import Training

/// SASRec written down once more, in 64 bits and without regard to speed.
struct SASRecReference {
  let settings: SASRecSettings
  var tensors: [String: [Double]]

  init(_ weights: SASRecWeights) {
    settings = weights.settings
    tensors = Dictionary(uniqueKeysWithValues: weights.tensors.map { ($0.name, $0.values.map(Double.init)) })
  }

  private var width: Int { settings.width }

  /// The last norm's rows for one history: [T][D].
  func output(of history: [Int]) -> [[Double]] {
    let history = Array(history.suffix(settings.length))
    var x = history.indices.map { t in
      (0..<width).map { c in
        item(history[t])[c] * Double(width).squareRoot()
          + tensors["pos_emb.weight"]![(settings.length - history.count + t) * width + c]
      }
    }
    for block in 0..<settings.blocks {
      let prefix = "blocks.\(block)."
      let mixed = attention(norm(x, prefix + "attention_norm"), prefix)
      x = sum(x, mixed)
      let inner = linear(norm(x, prefix + "feed_forward_norm"), prefix + "inner").map { $0.map { max($0, 0) } }
      x = sum(x, linear(inner, prefix + "outer"))
    }
    return norm(x, "last_norm")
  }

  func item(_ index: Int) -> ArraySlice<Double> { Array(row("item_emb.weight", index))[...] }

  func score(_ row: [Double], _ index: Int) -> Double { zip(row, item(index)).reduce(0) { $0 + $1.0 * $1.1 } }

  /// The mean over rows of both terms of the binary cross entropy.
  func loss(of histories: [[Int]], next: [Int32], negatives: [Int32]) -> Double {
    let rows = histories.flatMap { output(of: $0) }
    let terms = rows.indices.map { row in
      log1p(exp(-score(rows[row], Int(next[row])))) + log1p(exp(score(rows[row], Int(negatives[row]))))
    }
    return terms.reduce(0, +) / Double(rows.count)
  }

  /// The mean over rows of the cross entropy of a softmax over all items.
  func crossEntropy(of histories: [[Int]], next: [Int32], items: Int) -> Double {
    let rows = histories.flatMap { output(of: $0) }
    let terms = rows.indices.map { row in
      log((0..<items).reduce(0) { $0 + exp(score(rows[row], $1)) }) - score(rows[row], Int(next[row]))
    }
    return terms.reduce(0, +) / Double(rows.count)
  }

  private func row(_ name: String, _ index: Int) -> ArraySlice<Double> {
    tensors[name]![index * width..<(index + 1) * width]
  }

  private func sum(_ x: [[Double]], _ y: [[Double]]) -> [[Double]] {
    zip(x, y).map { zip($0, $1).map { $0 + $1 } }
  }

  private func linear(_ x: [[Double]], _ name: String) -> [[Double]] {
    x.map { x in
      (0..<width).map { o in
        zip(x, row(name + ".weight", o)).reduce(tensors[name + ".bias"]![o]) { $0 + $1.0 * $1.1 }
      }
    }
  }

  private func norm(_ x: [[Double]], _ name: String) -> [[Double]] {
    x.map { x in
      let mean = x.reduce(0, +) / Double(width)
      let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      return (0..<width).map { c in
        (x[c] - mean) / (variance + 1e-8).squareRoot() * tensors[name + ".weight"]![c] + tensors[name + ".bias"]![c]
      }
    }
  }

  private func attention(_ x: [[Double]], _ prefix: String) -> [[Double]] {
    let (query, key) = (linear(x, prefix + "query"), linear(x, prefix + "key"))
    let value = linear(x, prefix + "value")
    let headWidth = width / settings.heads
    return x.indices.map { q in
      (0..<settings.heads).flatMap { head -> [Double] in
        let columns = head * headWidth..<(head + 1) * headWidth
        let weights = (0...q).map { k in
          exp(columns.reduce(0) { $0 + query[q][$1] * key[k][$1] } / Double(headWidth).squareRoot())
        }
        let total = weights.reduce(0, +)
        return columns.map { c in (0...q).reduce(0) { $0 + weights[$1] * value[$1][c] } / total }
      }
    }
  }
}
