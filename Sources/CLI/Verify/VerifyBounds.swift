// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// In what arithmetic the services compute, which decides how close they must come.
enum Precision: String, CaseIterable, ExpressibleByArgument, Sendable {
  case f32
  case bf16
  case int8
}

/// Something that is compared with a golden.
enum Quantity: String, CaseIterable, Sendable {
  case embedding = "embedding"
  case softToken = "soft token"
  case itemVector = "item vector"
  case tokenIDs = "token ids"
  case hiddenState = "hidden state"
  case imageUserVector = "user vector, image"
  case cfUserVector = "user vector, cf"
  case textUserVector = "user vector, text"
  case scores = "image scores"
  case ranking = "ranking"

  /// The largest relative error allowed, L2 of the difference over L2 of what is expected; 0 for what must be equal.
  ///
  /// Weights and inputs are the same and only the order of float32 additions differs: 1e-4 on the image side, and 1e-3 behind
  /// the LLM, whose layers pass differences on.
  ///
  /// With weights in bfloat16 answers stay within 3e-2. With int8 the bound is what is worth a look, not a promise.
  func bound(_ precision: Precision) -> Double {
    switch (self, precision) {
    case (.embedding, .f32), (.softToken, .f32), (.itemVector, .f32): 1e-4
    case (.hiddenState, .f32), (.imageUserVector, .f32), (.cfUserVector, .f32), (.textUserVector, .f32),
      (.scores, .f32):
      1e-3
    case (.tokenIDs, _), (.ranking, _): 0
    case (_, .bf16): 3e-2
    case (_, .int8): 2e-1
    }
  }

  init(userVectorOf space: GoldenSpace) {
    switch space {
    case .image: self = .imageUserVector
    case .cf: self = .cfUserVector
    case .text: self = .textUserVector
    }
  }
}
