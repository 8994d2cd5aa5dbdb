// SPDX-License-Identifier: Apache-2.0

/// A key of a JSON object whose names nobody knows beforehand.
struct AnyName: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }

  init?(intValue: Int) { nil }
}
