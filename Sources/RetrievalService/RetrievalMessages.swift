// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

// What the contract's messages say, in the index's terms and back.

extension Retrieval_StreamSearchRequest: BulkRequest {
  var content: BulkContent<Config, Retrieval_Query>? {
    switch message {
    case .config(let config): .config(config)
    case .query(let query): .element(query)
    case nil: nil
    }
  }

  static var elementMissing: ServiceFailure {
    ServiceFailure(.queryMissing, "every message after the first must hold a query", field: "query")
  }
}

extension Common_ModelRef {
  init(_ builtBy: BuiltBy) {
    self.init()
    name = builtBy.name
    version = builtBy.version
    fingerprint = builtBy.fingerprint
    spaceFingerprint = builtBy.spaceFingerprint
  }

  var builtBy: BuiltBy {
    BuiltBy(name: name, version: version, fingerprint: fingerprint, spaceFingerprint: spaceFingerprint)
  }
}

extension Common_CatalogRef {
  init(_ catalog: VersionCatalog) {
    self.init()
    id = catalog.id
    snapshot = catalog.snapshot
    fingerprint = catalog.fingerprint
  }

  var versionCatalog: VersionCatalog { VersionCatalog(id: id, snapshot: snapshot, fingerprint: fingerprint) }
}

extension Retrieval_ServedBy {
  init(_ served: ServedVersion) {
    self.init()
    let info = served.version.info
    index = info.name.index
    version = info.name.description
    fingerprint = info.fingerprint
    builtBy = Common_ModelRef(info.builtBy)
    role = Retrieval_Role(served.role)
    servingGeneration = served.generation
    if let catalog = info.catalog { self.catalog = Common_CatalogRef(catalog) }
  }
}

extension Retrieval_Role {
  init(_ role: VersionRole) {
    switch role {
    case .stable: self = .stable
    case .previous: self = .previous
    case .pinned: self = .pinned
    case .canary: self = .canary
    case .shadow: self = .shadow
    }
  }
}

extension Retrieval_Version {
  init(_ listed: ListedVersion) {
    self.init()
    let info = listed.info
    name = info.name.description
    itemCount = UInt64(info.itemCount)
    dim = UInt32(info.dim)
    builtBy = Common_ModelRef(info.builtBy)
    fingerprint = info.fingerprint
    createTime = Google_Protobuf_Timestamp(unixMicros: info.createdMicros)
    labels = info.labels
    roles = listed.roles.map { Retrieval_Role($0) }
    if let graph = info.graph { self.graph = Retrieval_HnswGraph(graph) }
    if let catalog = info.catalog { self.catalog = Common_CatalogRef(catalog) }
  }
}

extension Retrieval_ServingState {
  init(_ serving: ServingState) {
    self.init()
    index = serving.index
    stableVersion = serving.stableVersion?.description ?? ""
    previousStableVersion = serving.previousVersion?.description ?? ""
    generation = serving.generation
    etag = serving.etag
    updateTime = Google_Protobuf_Timestamp(unixMicros: serving.updatedMicros)
    if let rollout = serving.rollout { self.rollout = Retrieval_Rollout(rollout, index: serving.index) }
  }
}

extension Retrieval_ScoredItem {
  init(_ item: ScoredItem) {
    self.init()
    itemID = item.itemID
    score = item.score
  }
}

extension Retrieval_Limits {
  init(_ limits: RetrievalLimits) {
    self.init()
    maxK = UInt32(limits.maxK)
    maxQueriesPerRequest = UInt32(limits.maxQueriesPerRequest)
    maxItemsPerRequest = UInt32(limits.maxItemsPerRequest)
    maxMessageBytes = UInt32(limits.maxMessageBytes)
    maxQueueQueries = UInt32(limits.maxQueueQueries)
    maxItemsPerVersion = UInt64(limits.maxItemsPerVersion)
  }
}

/// The index that requests mean when they name none.
let defaultIndex = "default"

/// - Throws: INVALID_ARGUMENT (INDEX_NAME_INVALID) for what can name no index, before it is looked for.
func indexName(_ name: String, field: String) throws(ServiceFailure) -> String {
  guard !name.isEmpty else { return defaultIndex }
  try mappingFailures(fields: [field]) { () throws(VectorIndexError) in try VersionName.checkIndex(name) }
  return name
}
