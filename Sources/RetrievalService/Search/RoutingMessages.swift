// SPDX-License-Identifier: Apache-2.0

import Rollouts
import ServiceAPI
import SwiftProtobuf
import VectorIndex

// The routing of an index in the contract's terms.

extension Retrieval_Routing {
  init(_ target: VersionResolver.Target) {
    self.init()
    switch target {
    case .pinned(let served):
      index = served.version.info.name.index
      servingGeneration = served.generation
      stable = Retrieval_RoutedVersion(served.version.info)
    case .index(let routing):
      index = routing.index
      servingGeneration = routing.generation
      stable = Retrieval_RoutedVersion(routing.stable.info)
      if let candidate = routing.candidate { add(candidate, sharesQueries: routing.sharesQueries) }
    }
  }

  private mutating func add(_ candidate: Routing.Candidate, sharesQueries: Bool) {
    let rollout = candidate.rollout
    self.candidate = Retrieval_RoutedVersion(candidate.version.info)
    rolloutNumber = rollout.number
    stage = UInt32(rollout.stage)
    canaryPermille = UInt32(rollout.currentStage.canaryPermille)
    shadowPermille = UInt32(rollout.currentStage.shadowPermille)
    fallbackToStable = rollout.plan.fallsBackToStable
    self.sharesQueries = sharesQueries
  }
}

extension Retrieval_RoutedVersion {
  init(_ info: VersionInfo) {
    self.init()
    version = info.name.description
    fingerprint = info.fingerprint
    builtBy = Common_ModelRef(info.builtBy)
    if let catalog = info.catalog { self.catalog = Common_CatalogRef(catalog) }
  }
}
