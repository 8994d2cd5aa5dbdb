// SPDX-License-Identifier: Apache-2.0

/// `pre_tokenizer` of `tokenizer.json`.
struct TokenizerPreparation {
  private(set) var steps = PreTokenizer()
  /// Its last step makes words bytes.
  private(set) var isByteLevel = false
  /// Whether ByteLevel is all of it: transformers then goes by `tokenizer_config.json` for the space before a text.
  private var isByteLevelAlone = false
  private var prefixesSpace: Bool?

  init(_ component: TokenizerComponent?) throws(ModelError) {
    guard var component else { return }
    let type = try component.text("type")
    isByteLevelAlone = type == "ByteLevel"
    try add(type, &component)
  }

  private mutating func add(_ type: String, _ component: inout TokenizerComponent) throws(ModelError) {
    guard !isByteLevel else {
      throw ModelError(.unsupported, "\(component.place) is \(type) behind ByteLevel; ByteLevel has to be the last")
    }
    switch type {
    case "Sequence":
      for var part in try component.components("pretokenizers") { try add(try part.text("type"), &part) }
    case "ByteLevel": try addByteLevel(&component)
    case "Metaspace": try addMetaspace(&component)
    case "Split": try addSplit(&component)
    case "Digits":
      steps.steps.append(.digits(individual: try component.bool("individual_digits", default: false)))
    case "WhitespaceSplit": steps.steps.append(.whitespace)
    default:
      throw ModelError(
        .unsupported,
        "\(component.place) is \(type); Sequence, ByteLevel, Metaspace, Split, Digits and WhitespaceSplit are computed with"
      )
    }
    try component.finish()
  }

  private mutating func addByteLevel(_ component: inout TokenizerComponent) throws(ModelError) {
    component.ignore("trim_offsets")
    prefixesSpace = try component.bool("add_prefix_space", default: true)
    if prefixesSpace == true { steps.steps.append(.space) }
    if try component.bool("use_regex", default: true) { steps.steps.append(.pattern(.gpt2)) }
    isByteLevel = true
  }

  private mutating func addMetaspace(_ component: inout TokenizerComponent) throws(ModelError) {
    let replacement = try component.bytes("replacement")
    guard String(decoding: replacement, as: UTF8.self).unicodeScalars.count == 1 else {
      throw ModelError(.malformed, "\(component.place).replacement is no single character")
    }
    component.ignore("str_rep")
    // Files of before 2024 say add_prefix_space, which is always or never.
    let prefixes = try component.bool("add_prefix_space", default: true)
    let scheme = try component.textIfPresent("prepend_scheme") ?? (prefixes ? "always" : "never")
    guard let prefix = PreTokenizer.Prefix(rawValue: scheme) else {
      throw ModelError(
        .unsupported, "\(component.place).prepend_scheme is \"\(scheme)\"; always, first and never are computed with")
    }
    guard prefixes || prefix == .never else {
      throw ModelError(
        .malformed, "\(component.place) has add_prefix_space false and prepend_scheme \"\(scheme)\"; leave one")
    }
    let splits = try component.bool("split", default: true)
    steps.steps.append(.metaspace(replacement: replacement, prefix, splits: splits))
    prefixesSpace = prefix != .never
  }

  private mutating func addSplit(_ component: inout TokenizerComponent) throws(ModelError) {
    guard var pattern = try component.component("pattern") else {
      throw ModelError(.malformed, "\(component.place) has no pattern")
    }
    let name = try component.text("behavior")
    let inverts = try component.bool("invert", default: false)
    if let expression = try pattern.textIfPresent("Regex") {
      try pattern.finish()
      guard let known = WordPattern.spelled(expression) else {
        throw ModelError(
          .unsupported,
          "\(component.place) is Split by the pattern \(expression); only the patterns of \(WordPattern.knownNames) are computed "
            + "with, for they are compiled into the program. Use the tokenizer.model of the checkpoint if it has one")
      }
      // Every character is of some word, so that nothing is between them.
      guard name == "Isolated" || name == "Removed" && inverts else {
        throw Self.unknownBehavior(name, inverts, component.place)
      }
      return steps.steps.append(.pattern(known))
    }
    let text = try pattern.bytes("String")
    try pattern.finish()
    let behaviors: [String: PreTokenizer.Behavior] = [
      "Removed": .removed, "Isolated": .isolated, "MergedWithPrevious": .mergedWithPrevious,
      "MergedWithNext": .mergedWithNext, "Contiguous": .contiguous,
    ]
    guard let behavior = behaviors[name], !inverts, !text.isEmpty else {
      throw Self.unknownBehavior(name, inverts, component.place)
    }
    steps.steps.append(.split(at: text, behavior))
  }

  private static func unknownBehavior(_ name: String, _ inverts: Bool, _ place: String) -> ModelError {
    ModelError(
      .unsupported, "\(place) is Split with the behavior \(name), invert \(inverts), which is not computed with here")
  }

  /// Heeds `add_prefix_space` of `tokenizer_config.json`, which is false where that is silent, as far as the versions of transformers
  /// agree about it: they do where ByteLevel is all there is, for the classes that read it. Any other contradiction is refused.
  mutating func follow(_ configuration: TokenizerConfiguration, _ path: String) throws(ModelError) {
    guard configuration.isStated, let prefixesSpace else { return }
    let kind = TokenizerClass(named: configuration.writtenBy)
    var wanted = configuration.addsPrefixSpace ?? prefixesSpace
    if isByteLevelAlone, kind != .llama { wanted = configuration.addsPrefixSpace ?? false }
    guard wanted != prefixesSpace else { return }
    guard isByteLevelAlone, kind == .byteLevel else {
      let stated =
        configuration.addsPrefixSpace.map { "add_prefix_space \($0)" } ?? "no add_prefix_space, which is false"
      throw ModelError(
        .unsupported,
        "\(path) puts \(prefixesSpace ? "a" : "no") space before a text, and the tokenizer_config.json beside it has "
          + "\(stated); versions of transformers differ in which of them counts. Make them agree")
    }
    if wanted { steps.steps.insert(.space, at: 0) } else { steps.steps.removeFirst() }
    self.prefixesSpace = wanted
  }

  /// Refuses what hangs on the places that characters had before they were normalised, which are not kept here: whether a word that
  /// Metaspace gets from a step before it is the first.
  func requirePlaces(behind normalizer: TextNormalizer, _ path: String) throws(ModelError) {
    var places: [(index: Int, prefix: PreTokenizer.Prefix)] = []
    for (index, step) in steps.steps.enumerated() {
      if case .metaspace(_, let prefix, _) = step { places.append((index, prefix)) }
    }
    guard places.count <= 1 else {
      throw ModelError(
        .unsupported, "\(path): pre_tokenizer has Metaspace twice, which is not computed with; leave one")
    }
    guard let place = places.first, place.prefix == .first, place.index > 0, !normalizer.isEmpty else { return }
    throw ModelError(
      .unsupported,
      "\(path): pre_tokenizer has Metaspace with the prepend_scheme first behind another step, which is not computed with where "
        + "there is a normalizer; set it to always or never where that is meant")
  }
}
