// SPDX-License-Identifier: Apache-2.0

/// `post_processor` of `tokenizer.json`: the tokens before and after every text.
struct SurroundingTokens {
  private(set) var beginning: [Int32] = []
  private(set) var end: [Int32] = []
  /// Whether a part that adds tokens was read.
  private var hasTokens = false

  init(_ component: TokenizerComponent?) throws(ModelError) {
    if var component { try add(&component) }
  }

  private mutating func add(_ component: inout TokenizerComponent) throws(ModelError) {
    let type = try component.text("type")
    if type.hasSuffix("Processing") {
      guard !hasTokens else {
        throw ModelError(
          .unsupported,
          "\(component.place) is a second part that adds tokens, which is not computed with; leave one of them")
      }
      hasTokens = true
    }
    switch type {
    case "Sequence": for var part in try component.components("processors") { try add(&part) }
    // It moves the places that tokens are said to come from, and adds none.
    case "ByteLevel": component.ignore("add_prefix_space", "trim_offsets", "use_regex")
    case "TemplateProcessing": try addTemplate(&component)
    case "BertProcessing", "RobertaProcessing":
      component.ignore("trim_offsets", "add_prefix_space")
      beginning.insert(try Self.named("cls", &component), at: 0)
      end.append(try Self.named("sep", &component))
    default:
      throw ModelError(
        .unsupported,
        "\(component.place) is \(type); Sequence, ByteLevel, TemplateProcessing, BertProcessing and RobertaProcessing are computed "
          + "with")
    }
    try component.finish()
  }

  /// `["<s>", 0]`
  private static func named(_ name: String, _ component: inout TokenizerComponent) throws(ModelError) -> Int32 {
    let value = component.take(name)
    guard case .array(let parts)? = value, parts.count == 2, let id = parts[1].tokenID else {
      throw component.wrong(name, value, "a token with its id")
    }
    return id
  }

  private mutating func addTemplate(_ component: inout TokenizerComponent) throws(ModelError) {
    // Of two texts, which nobody asks for.
    component.ignore("pair")
    var ids: [String: [Int32]] = [:]
    for (name, value) in try component.object("special_tokens") {
      let name = String(decoding: name, as: UTF8.self)
      var token = try TokenizerComponent(value, at: "\(component.place).special_tokens.\(name)")
      token.ignore("id", "tokens")
      ids[name] = try token.array("ids").map { value throws(ModelError) in
        guard let id = value.tokenID else { throw token.wrong("ids", value, "a token's id") }
        return id
      }
      try token.finish()
    }
    var (before, after, hasText) = ([Int32](), [Int32](), false)
    for var part in try component.components("single") {
      if var text = try part.component("Sequence") {
        guard try text.text("id") == "A", !hasText else { throw Self.unreadable(component.place) }
        hasText = true
      } else if var token = try part.component("SpecialToken"), let more = ids[try token.text("id")] {
        if hasText { after += more } else { before += more }
      } else {
        throw Self.unreadable(component.place)
      }
      try part.finish()
    }
    guard hasText else { throw Self.unreadable(component.place) }
    beginning = before + beginning
    end += after
  }

  private static func unreadable(_ place: String) -> ModelError {
    ModelError(.unsupported, "\(place).single is not one text A between special tokens that it names")
  }

  /// Refuses `add_bos_token` and `add_eos_token` of `tokenizer_config.json` that contradict it, unless transformers does not read them:
  /// whether it does differs between classes, and for LLaMA's between versions.
  func requireAgreement(
    with configuration: TokenizerConfiguration, _ added: AddedTokenList, _ path: String
  ) throws(ModelError) {
    let first = added.id(of: configuration.beginning)
    let last = added.id(of: configuration.end)
    let agrees: (beginning: Bool, end: Bool)
    switch TokenizerClass(named: configuration.writtenBy) {
    case .general, .byteLevel: return
    case .llama:
      agrees = (
        beginning.map(Optional.some) == (configuration.addsBeginning ? [first] : []),
        end.map(Optional.some) == (configuration.addsEnd ? [last] : [])
      )
    case .other:
      agrees = (
        configuration.statedBeginning.map { $0 ? Self.starts(beginning, first) : !Self.contains(beginning, first) }
          ?? true,
        configuration.statedEnd.map { $0 ? Self.starts(end.reversed(), last) : !Self.contains(end, last) } ?? true
      )
    }
    guard agrees.beginning else { throw Self.contradiction("add_bos_token", configuration.addsBeginning, path) }
    guard agrees.end else { throw Self.contradiction("add_eos_token", configuration.addsEnd, path) }
  }

  private static func starts(_ ids: [Int32], _ id: Int32?) -> Bool { id != nil && ids.first == id }

  private static func contains(_ ids: [Int32], _ id: Int32?) -> Bool { id.map(ids.contains) ?? false }

  private static func contradiction(_ key: String, _ value: Bool, _ path: String) -> ModelError {
    ModelError(
      .unsupported,
      "post_processor of \(path) does not put around a text what the tokenizer_config.json beside it says by \(key) \(value), stated "
        + "or as the default of its class; versions of transformers differ in which of them counts. Make them agree, by a "
        + "post_processor with the token or by the key, or name the tokenizer_class PreTrainedTokenizerFast, for which the former counts"
    )
  }
}
