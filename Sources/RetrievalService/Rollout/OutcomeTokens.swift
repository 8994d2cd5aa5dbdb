// SPDX-License-Identifier: Apache-2.0

import Foundation
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// The tokens of a request's answers, by the places of their queries.
struct OutcomeTokens: Sendable {
  private var tokens: [Int: Data] = [:]

  /// Of a request that no rollout counts.
  init() {}

  init(_ given: [Int: OutcomeToken], of index: String, signedBy key: OutcomeKey) {
    tokens = given.mapValues { Data($0.signed(by: key, index: index)) }
  }

  /// The results with the tokens of their answers.
  func carried(by results: [Retrieval_QueryResult]) -> [Retrieval_QueryResult] {
    if tokens.isEmpty { return results }
    var results = results
    for (place, token) in tokens { results[place].outcomeToken = token }
    return results
  }
}

extension OutcomeKey {
  /// That of the tenant whose call is being handled; the key itself where the server does not know its callers.
  var ofCaller: OutcomeKey { Caller.current.map { bound(to: $0.tenant) } ?? self }
}
