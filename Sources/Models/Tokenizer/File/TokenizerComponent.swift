// SPDX-License-Identifier: Apache-2.0

/// An object of `tokenizer.json`, read member by member: what nobody has asked for in the end is refused by its name, for it would
/// change the tokens.
struct TokenizerComponent {
  /// `tokenizer.json: normalizer.normalizers[1]`, for messages.
  let place: String
  private var members: [(name: String, value: TokenizerJSON)] = []

  init(_ value: TokenizerJSON, at place: String) throws(ModelError) {
    self.place = place
    guard case .object(let members) = value else {
      throw ModelError(.malformed, "\(place) is \(value.kind); an object is expected")
    }
    var names: Set<[UInt8]> = []
    for (bytes, value) in members {
      let name = String(decoding: bytes, as: UTF8.self)
      guard names.insert(bytes).inserted else {
        throw ModelError(.malformed, "\(place) has \"\(name)\" twice; leave one of them")
      }
      self.members.append((name, value))
    }
  }

  /// Takes a member out; null is none.
  mutating func take(_ name: String) -> TokenizerJSON? {
    guard let index = members.firstIndex(where: { $0.name == name }) else { return nil }
    if case .null = members[index].value {
      members.remove(at: index)
      return nil
    }
    return members.remove(at: index).value
  }

  /// Members that say nothing about a text's ids.
  mutating func ignore(_ names: String...) { members.removeAll { names.contains($0.name) } }

  func wrong(_ name: String, _ value: TokenizerJSON?, _ expected: String) -> ModelError {
    guard let value else { return ModelError(.malformed, "\(place) has no \"\(name)\"; \(expected) is expected") }
    return ModelError(.malformed, "\(place).\(name) is \(value.kind); \(expected) is expected")
  }

  mutating func bool(_ name: String, default standard: Bool) throws(ModelError) -> Bool {
    guard let value = take(name) else { return standard }
    guard case .bool(let flag) = value else { throw wrong(name, value, "true or false") }
    return flag
  }

  mutating func bytes(_ name: String) throws(ModelError) -> [UInt8] {
    let value = take(name)
    guard case .text(let bytes)? = value else { throw wrong(name, value, "a text") }
    return bytes
  }

  mutating func text(_ name: String) throws(ModelError) -> String { String(decoding: try bytes(name), as: UTF8.self) }

  mutating func textIfPresent(_ name: String) throws(ModelError) -> String? {
    guard let value = take(name) else { return nil }
    guard case .text(let bytes) = value else { throw wrong(name, value, "a text") }
    return String(decoding: bytes, as: UTF8.self)
  }

  mutating func array(_ name: String) throws(ModelError) -> [TokenizerJSON] {
    let value = take(name)
    guard case .array(let elements)? = value else { throw wrong(name, value, "a list") }
    return elements
  }

  mutating func object(_ name: String) throws(ModelError) -> [(name: [UInt8], value: TokenizerJSON)] {
    let value = take(name)
    guard case .object(let members)? = value else { throw wrong(name, value, "an object") }
    return members
  }

  mutating func component(_ name: String) throws(ModelError) -> TokenizerComponent? {
    guard let value = take(name) else { return nil }
    return try TokenizerComponent(value, at: "\(place).\(name)")
  }

  /// The members of a list, as objects.
  mutating func components(_ name: String) throws(ModelError) -> [TokenizerComponent] {
    var result: [TokenizerComponent] = []
    for (index, element) in try array(name).enumerated() {
      result.append(try TokenizerComponent(element, at: "\(place).\(name)[\(index)]"))
    }
    return result
  }

  mutating func id(_ name: String) throws(ModelError) -> Int32 {
    let value = take(name)
    guard let id = value?.tokenID else { throw wrong(name, value, "a token's id") }
    return id
  }

  /// - Throws: when a member is left that nothing has read.
  func finish() throws(ModelError) {
    guard let rest = members.first else { return }
    throw ModelError(
      .unsupported,
      "\(place) has \"\(rest.name)\": \(rest.value.kind), which is not computed with here; use a tokenizer.json without it"
    )
  }
}

extension TokenizerJSON {
  /// As a token's id: a whole number from 0.
  var tokenID: Int32? {
    guard case .number(let value) = self, value >= 0, let id = Int32(exactly: value), id < Int32.max else { return nil }
    return id
  }
}
