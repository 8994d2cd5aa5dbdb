// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import VectorIndex

// What the contract's messages say of graphs, in the index's terms and back.

extension Retrieval_HnswGraph {
  init(_ graph: GraphInfo) {
    self.init()
    m = UInt32(graph.parameters.m)
    efConstruction = UInt32(graph.parameters.efConstruction)
    library = graph.library
    bytes = graph.bytes
  }
}

extension GraphChoice {
  init(_ options: Retrieval_GraphOptions) throws(ServiceFailure) {
    switch options.build {
    case .unspecified: self = .byPolicy
    case .never: self = .none
    case .always: self = .build(m: Int(options.m), efConstruction: Int(options.efConstruction))
    case .UNRECOGNIZED(let number):
      throw ServiceFailure(
        .headerInvalid, "\(number) is no way to build a graph", field: "header.graph.build")
    }
  }
}

extension SearchMethod {
  /// - Parameter path: in front of the request's `method` and `ef`, with its full stop.
  init(_ method: Retrieval_SearchMethod, ef: UInt32, path: String = "") throws(ServiceFailure) {
    guard ef <= UInt32(HNSWParameters.allowedEf.upperBound) else {
      throw ServiceFailure(
        .efTooLarge,
        "ef is \(ef); at most \(HNSWParameters.allowedEf.upperBound) candidates are kept. Ask for an exact search instead",
        field: "\(path)ef")
    }
    switch method {
    case .unspecified: self = ef == 0 ? .versionDefault : .approximate(ef: Int(ef))
    case .exact: self = .exact
    case .approximate: self = .approximate(ef: ef == 0 ? nil : Int(ef))
    case .UNRECOGNIZED(let number):
      throw ServiceFailure(
        .methodUnknown, "\(number) is no search method this server knows", field: "\(path)method")
    }
  }
}
