import ArgumentParser
import ServiceSupport
import VectorIndex

/// The flags of approximate search: `@OptionGroup var graphs: GraphOptions`.
struct GraphOptions: ParsableArguments {
  enum Keys {
    static let from = SettingKey<Int>(
      "approximate-from",
      "Items from which on a published version gets a graph (HNSW) and is searched by it; 0 never builds one. Exact search is "
        + "the better choice as long as it is quick enough: it reads every item, 100,000 of 512 dimensions in about 2 ms on two "
        + "cores, a million in ten times that. A graph answers a query for a million in a fraction of a millisecond, misses some "
        + "of the best items, takes minutes to build and (dim + 8 m) bytes of memory an item. A publication may ask for a "
        + "graph, or for none, itself",
      unit: "items", default: 0, allowed: .range(0...UploadLimits.maxItemsPossible))
    static let m = SettingKey<Int>(
      "hnsw-m",
      "Links of an item in new graphs, twice as many on the lowest layer; 32 where 16 find too little at any ef",
      unit: "links", default: 16, allowed: .range(HNSWParameters.allowedM))
    static let efConstruction = SettingKey<Int>(
      "hnsw-ef-construction",
      "Candidates looked at for each item's links in new graphs; the time to build grows with it",
      unit: "candidates", default: 200, allowed: .range(HNSWParameters.allowedEf))
    static let ef = SettingKey<Int>(
      "hnsw-ef",
      "Candidates that an approximate search keeps, at least k; more find more and take longer. A request may say its own",
      unit: "candidates", default: Searcher.defaultEf, allowed: .range(HNSWParameters.allowedEf))

    static let all: [any AnySettingKey] = [from, m, efConstruction, ef]
  }

  @Option(name: Keys.from.flagName, help: Keys.from.help) var from: Int?
  @Option(name: Keys.m.flagName, help: Keys.m.help) var m: Int?
  @Option(name: Keys.efConstruction.flagName, help: Keys.efConstruction.help) var efConstruction: Int?
  @Option(name: Keys.ef.flagName, help: Keys.ef.help) var ef: Int?

  var flags: [FlagSetting?] {
    [
      Keys.from.flag(from), Keys.m.flag(m), Keys.efConstruction.flag(efConstruction), Keys.ef.flag(ef),
    ]
  }
}

extension GraphPolicy {
  init(_ settings: Settings) throws(SettingsError) {
    typealias Keys = GraphOptions.Keys
    let from = try settings.value(Keys.from)
    self.init(
      fromItems: from == 0 ? nil : from,
      parameters: HNSWParameters(
        m: try settings.value(Keys.m), efConstruction: try settings.value(Keys.efConstruction)))
  }
}
