// SPDX-License-Identifier: Apache-2.0

import ServiceSupport
import VectorIndex

/// What approximate search is told, as people write it.
struct GraphOptions: SettingGroup {
  @Setting(
    "approximate-from",
    "Items from which on a published version gets a graph (HNSW) and is searched by it; 0 never builds one. Exact search is "
      + "the better choice as long as it is quick enough: it reads every item, 100,000 of 512 dimensions in about 2 ms on two "
      + "cores, a million in ten times that. A graph answers a query for a million in a fraction of a millisecond, misses some "
      + "of the best items, takes minutes to build and (dim + 8 m) bytes of memory an item. A publication may ask for a "
      + "graph, or for none, itself",
    unit: "items", allowed: .range(0...UploadLimits.maxItemsPossible))
  var fromItems = 0
  @Setting(
    "hnsw-m",
    "Links of an item in new graphs, twice as many on the lowest layer; 32 where 16 find too little at any ef",
    unit: "links", allowed: .range(HNSWParameters.allowedM))
  var m = 16
  @Setting(
    "hnsw-ef-construction",
    "Candidates looked at for each item's links in new graphs; the time to build grows with it",
    unit: "candidates", allowed: .range(HNSWParameters.allowedEf))
  var efConstruction = 200
  @Setting(
    "hnsw-ef",
    "Candidates that an approximate search keeps, at least k; more find more and take longer. A request may say its own",
    unit: "candidates", allowed: .range(HNSWParameters.allowedEf))
  var ef = Searcher.defaultEf
}

extension GraphPolicy {
  init(_ options: GraphOptions, threads: Int?) {
    self.init(
      fromItems: options.fromItems.unlessZero,
      parameters: HNSWParameters(m: options.m, efConstruction: options.efConstruction), threads: threads)
  }
}
