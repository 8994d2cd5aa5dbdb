// SPDX-License-Identifier: Apache-2.0

/// The path of a field of a request, as every error names one: that of a `google.protobuf.FieldMask`, with the places of
/// elements of repeated fields.
///
///     path = step *("." step)        users[3].history.items[2].title
///     step = name ["[" place "]"]
///
/// - A name is the field's in the proto, in snake_case; names of a `oneof` are no fields and stand in no path.
/// - A place is the element's, counted from 0.
/// - A path begins at the root of the request; in a stream at the root of the message at fault: `config.outputs[1]`,
///   `item.metadata.title`, `chunk.item_ids[7]`.
///
/// In ``FailureCatalog`` places are letters: `users[i].history.items[j].title`.
package struct FieldPath: Hashable, Sendable {
  package struct Step: Hashable, Sendable {
    package let name: String
    /// Of an element; nil for the field as a whole.
    package let place: Int?

    fileprivate init?(_ text: Substring) {
      let name = text.prefix { $0 != "[" }
      guard let first = name.utf8.first, Self.isLetter(first),
        name.utf8.allSatisfy({ Self.isLetter($0) || Self.isDigit($0) || $0 == UInt8(ascii: "_") })
      else { return nil }
      self.name = String(name)
      if name.endIndex == text.endIndex {
        place = nil
        return
      }
      let digits = text[name.endIndex...].dropFirst().dropLast()
      guard text.hasSuffix("]"), let number = Int(digits), number >= 0, String(number) == digits else { return nil }
      place = number
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
  }

  /// At least one.
  package let steps: [Step]

  /// Nil for what is no path.
  package init?(_ text: String) {
    var steps: [Step] = []
    for part in text.split(separator: ".", omittingEmptySubsequences: false) {
      guard let step = Step(part) else { return nil }
      steps.append(step)
    }
    self.steps = steps
  }

  /// The steps after the first `count`, as a path of its own; nil when there are none.
  package func dropFirst(_ count: Int) -> FieldPath? { FieldPath(Array(steps.dropFirst(count))) }

  private init?(_ steps: [Step]) {
    if steps.isEmpty { return nil }
    self.steps = steps
  }
}

extension FieldPath: CustomStringConvertible {
  package var description: String {
    steps.map { step in step.name + (step.place.map { "[\($0)]" } ?? "") }.joined(separator: ".")
  }
}

extension FailureCatalog.Entry {
  /// Whether a failure of this reason may name the field at `path`.
  package func lists(_ path: String) -> Bool {
    guard let path = FieldPath(path) else { return false }
    return fields.contains { Self.isPath(path, ofForm: $0) }
  }

  private static func isPath(_ path: FieldPath, ofForm form: String) -> Bool {
    let steps = form.split(separator: ".")
    return steps.count == path.steps.count
      && zip(steps, path.steps).allSatisfy { form, step in
        let isElement = form.hasSuffix("]")
        return isElement == (step.place != nil) && (isElement ? form.dropLast(3) : form) == step.name
      }
  }
}
