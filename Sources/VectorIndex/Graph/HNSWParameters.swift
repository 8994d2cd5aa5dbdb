// SPDX-License-Identifier: Apache-2.0

import CVectorIndex

/// How an HNSW graph is built, in the names of its paper.
package struct HNSWParameters: Sendable, Equatable {
  package static let allowedM = ILLMREC_GRAPH_LINKS_MIN...ILLMREC_GRAPH_LINKS_MAX
  package static let allowedEf = 1...ILLMREC_GRAPH_BREADTH_MAX

  /// Links of an item, twice as many on the lowest layer. More find more and take more memory: 8 · m bytes an item.
  package var m = 16
  /// Candidates looked at for each item's links. More make a better graph and take longer to build.
  package var efConstruction = 200

  package init(m: Int = 16, efConstruction: Int = 200) {
    self.m = m
    self.efConstruction = efConstruction
  }

  /// Refuses what no graph can be built with.
  package func check() throws(VectorIndexError) {
    guard Self.allowedM.contains(m) else {
      throw VectorIndexError(
        .invalidHeader,
        "m is \(m); a graph has \(Self.allowedM.lowerBound) to \(Self.allowedM.upperBound) links an item", at: "graph.m"
      )
    }
    guard Self.allowedEf.contains(efConstruction) else {
      throw VectorIndexError(
        .invalidHeader, "ef_construction is \(efConstruction); at least 1 and at most \(Self.allowedEf.upperBound)",
        at: "graph.ef_construction")
    }
  }
}

/// Which uploads get a graph, where they do not say it themselves.
package struct GraphPolicy: Sendable, Equatable {
  /// Items from which on a version gets a graph; nil: none does.
  package var fromItems: Int?
  package var parameters = HNSWParameters()
  /// Threads that build; nil for one per CPU.
  package var threads: Int?

  package init(fromItems: Int? = nil, parameters: HNSWParameters = HNSWParameters(), threads: Int? = nil) {
    self.fromItems = fromItems
    self.parameters = parameters
    self.threads = threads
  }
}

/// What an upload says about a graph.
package enum GraphChoice: Sendable, Equatable {
  /// As the store's policy says.
  case byPolicy
  case none
  /// Zeroes stand for the policy's parameters.
  case build(m: Int, efConstruction: Int)
}

extension GraphPolicy {
  /// How the graph of `itemCount` items is to be built; nil when there is to be none.
  func parameters(for choice: GraphChoice, itemCount: Int) throws(VectorIndexError) -> HNSWParameters? {
    switch choice {
    case .none: return nil
    case .byPolicy:
      guard let fromItems, itemCount >= fromItems else { return nil }
      return parameters
    case .build(let m, let efConstruction):
      let asked = HNSWParameters(
        m: m == 0 ? parameters.m : m,
        efConstruction: efConstruction == 0 ? parameters.efConstruction : efConstruction)
      try asked.check()
      return asked
    }
  }
}
