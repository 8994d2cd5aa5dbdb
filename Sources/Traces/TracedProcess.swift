// SPDX-License-Identifier: Apache-2.0

/// What spans say of the process that they come from.
package struct TracedProcess: Sendable {
  package let service: String
  package let version: String
  /// More of it, by name.
  package let attributes: [String: String]
  /// One of several replicas.
  let instance = String(UInt64.random(in: 0...UInt64.max), radix: 16)

  /// - Parameter attributes: as OTEL_RESOURCE_ATTRIBUTES has them, `name=value` separated by commas, with percent escapes; what cannot be
  ///   read is left out.
  package init(service: String, version: String, attributes: String = "") {
    self.service = service
    self.version = version
    let pairs = attributes.split(separator: ",").compactMap { pair -> (String, String)? in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let value = Self.decoded(parts[1]) else { return nil }
      return (parts[0].trimmed, value)
    }
    self.attributes = Dictionary(pairs) { $1 }
  }

  private static func decoded(_ text: Substring) -> String? {
    var (bytes, rest) = ([UInt8](), text.trimmed.utf8[...])
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

extension Substring {
  fileprivate var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
