// SPDX-License-Identifier: Apache-2.0

/// `post_processor` of `tokenizer.json`: the tokens before and after every text.
struct SurroundingTokens {
  private(set) var beginning: [Int32] = []
  private(set) var end: [Int32] = []

  init(_ component: TokenizerComponent?) throws(ModelError) {
    if var component { try add(&component) }
  }

  private mutating func add(_ component: inout TokenizerComponent) throws(ModelError) {
    let type = try component.text("type")
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

  /// Heeds `add_bos_token` and `add_eos_token` of `tokenizer_config.json` where they stand there, as transformers does.
  mutating func follow(
    _ configuration: TokenizerConfiguration, _ added: AddedTokenList, _ path: String
  ) throws(ModelError) {
    if let wanted = configuration.statedBeginning {
      let id = added.id(of: configuration.beginning)
      if !wanted { beginning.removeAll { $0 == id } }
      if wanted, beginning.isEmpty || beginning.first != id {
        beginning.insert(try Self.require(id, "bos_token", path), at: 0)
      }
    }
    if let wanted = configuration.statedEnd {
      let id = added.id(of: configuration.end)
      if !wanted { end.removeAll { $0 == id } }
      if wanted, end.isEmpty || end.last != id { end.append(try Self.require(id, "eos_token", path)) }
    }
  }

  private static func require(_ id: Int32?, _ name: String, _ path: String) throws(ModelError) -> Int32 {
    guard let id else {
      throw ModelError(
        .malformed,
        "the tokenizer_config.json beside \(path) asks for its \(name), which is no token of it; copy both from one checkpoint"
      )
    }
    return id
  }
}
