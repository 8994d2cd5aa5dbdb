// SPDX-License-Identifier: Apache-2.0

import Basics

/// The members of one object of a settings file, taken one by one; what is left in the end is none that is known.
struct JSONFields {
  /// How messages call the object, such as `policy.json: identities[2]`.
  let place: String
  private var members: [String: JSONValue]
  private var known: [String] = []

  init(_ value: JSONValue, at place: String) throws(SettingsError) {
    guard let members = value.object else { throw SettingsError("\(place) is no JSON object", isUsage: true) }
    self.place = place
    self.members = members
  }

  mutating func take(_ name: String) -> JSONValue? {
    known.append(name)
    return members.removeValue(forKey: name)
  }

  /// Nil where there is none.
  mutating func text(_ name: String, maxBytes: Int = 1024) throws(SettingsError) -> String? {
    guard let value = take(name) else { return nil }
    guard let text = value.string, (1...maxBytes).contains(text.utf8.count) else {
      throw problem(name, "a text of 1 to \(maxBytes) bytes")
    }
    return text
  }

  mutating func requiredText(_ name: String) throws(SettingsError) -> String {
    guard let text = try text(name) else { throw SettingsError("\(place) has no \"\(name)\"", isUsage: true) }
    return text
  }

  mutating func texts(_ name: String) throws(SettingsError) -> [String] {
    guard let value = take(name) else { return [] }
    guard let texts = value.array?.map(\.string), !texts.contains(nil) else { throw problem(name, "a list of texts") }
    return texts.compactMap(\.self)
  }

  mutating func number(_ name: String, in range: ClosedRange<Double>) throws(SettingsError) -> Double? {
    guard let value = take(name) else { return nil }
    guard let number = value.number, range.contains(number) else {
      throw problem(name, "a number from \(range.lowerBound.text) to \(range.upperBound.text)")
    }
    return number
  }

  mutating func object(_ name: String) throws(SettingsError) -> JSONFields? {
    guard let value = take(name) else { return nil }
    return try JSONFields(value, at: "\(place).\(name)")
  }

  /// - Throws: for a member that nobody took.
  func end() throws(SettingsError) {
    guard let unknown = members.keys.min() else { return }
    let suggestion = NearestName.of(unknown, in: known).map { "; did you mean \"\($0)\"?" } ?? ""
    throw SettingsError(
      "\(place) has \"\(unknown)\", which is not known\(suggestion); known: \(known.sorted().joined(separator: ", "))",
      isUsage: true)
  }

  func problem(_ name: String, _ expected: String) -> SettingsError {
    SettingsError("\(place).\(name) is not \(expected)", isUsage: true)
  }
}
