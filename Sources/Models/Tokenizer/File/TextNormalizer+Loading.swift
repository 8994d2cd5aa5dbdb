// SPDX-License-Identifier: Apache-2.0

extension TextNormalizer {
  /// `normalizer` of `tokenizer.json`; none normalises nothing.
  init(_ component: TokenizerComponent?) throws(ModelError) {
    if var component { try add(&component) }
  }

  private mutating func add(_ component: inout TokenizerComponent) throws(ModelError) {
    let type = try component.text("type")
    switch type {
    case "Sequence": for var part in try component.components("normalizers") { try add(&part) }
    case "NFC", "NFD", "NFKC", "NFKD": if let form = Form(rawValue: type) { steps.append(.form(form)) }
    case "Lowercase": steps.append(.lowercase)
    case "StripAccents": steps.append(.stripAccents)
    case "Strip":
      let left = try component.bool("strip_left", default: true)
      steps.append(.strip(left: left, right: try component.bool("strip_right", default: true)))
    case "Prepend": steps.append(.prepend(try component.bytes("prepend")))
    case "Replace": try addReplace(&component)
    case "Precompiled":
      // Null is a map of nothing.
      guard let value = component.take("precompiled_charsmap") else { break }
      guard case .text(let base64) = value, let map = CharacterMap(base64: base64) else {
        throw ModelError(
          .malformed, "\(component.place).precompiled_charsmap is no map of characters as SentencePiece compiles it")
      }
      steps.append(.precompiled(map))
    default:
      throw ModelError(
        .unsupported,
        "\(component.place) is \(type); Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Prepend, Replace and "
          + "Precompiled are computed with")
    }
    try component.finish()
  }

  private mutating func addReplace(_ component: inout TokenizerComponent) throws(ModelError) {
    guard var pattern = try component.component("pattern") else {
      throw ModelError(.malformed, "\(component.place) has no pattern")
    }
    let content = try component.bytes("content")
    if let expression = try pattern.textIfPresent("Regex") {
      guard expression == " {2,}" else {
        throw ModelError(
          .unsupported,
          "\(component.place) replaces the pattern \(expression); of patterns only \" {2,}\" is computed with, and any text"
        )
      }
      steps.append(.replaceSpaces(by: content))
    } else {
      let text = try pattern.bytes("String")
      guard !text.isEmpty else { throw ModelError(.malformed, "\(component.place) replaces an empty text") }
      steps.append(.replace(text, by: content))
    }
    try pattern.finish()
  }
}
