// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import GRPCCore

extension Metadata {
  /// Copies what core received; values under keys that end in "-bin" are bytes, all others text.
  init(copyOf view: OpaquePointer?) {
    self.init()
    let count = illmrec_metadata_count(view)
    guard count > 0 else { return }
    reserveCapacity(count)
    for index in 0..<count {
      let entry = illmrec_metadata_at(view, index)
      let key = String(decoding: UnsafeRawBufferPointer(start: entry.key, count: entry.key_count), as: UTF8.self)
      let value = UnsafeRawBufferPointer(start: entry.value, count: entry.value_count)
      if key.utf8.suffix(4).elementsEqual("-bin".utf8) {
        addBinary(Array(value), forKey: key)
      } else {
        addString(String(decoding: value, as: UTF8.self), forKey: key)
      }
    }
  }

  /// The time the caller allows, from the "grpc-timeout" header as gRPC's HTTP/2 mapping defines it: up to eight digits and a unit.
  var timeoutNanoseconds: Int64? {
    guard let text = self[stringValues: "grpc-timeout"].first(where: { _ in true })?.utf8, (2...9).contains(text.count),
      let amount = Int64(String(text.dropLast())!), amount >= 0
    else { return nil }
    let unit: Int64
    switch text.last {
    case UInt8(ascii: "n"): unit = 1
    case UInt8(ascii: "u"): unit = 1_000
    case UInt8(ascii: "m"): unit = 1_000_000
    case UInt8(ascii: "S"): unit = 1_000_000_000
    case UInt8(ascii: "M"): unit = 60 * 1_000_000_000
    case UInt8(ascii: "H"): unit = 3_600 * 1_000_000_000
    default: return nil
    }
    let (product, overflow) = amount.multipliedReportingOverflow(by: unit)
    // More than 292 years is no deadline.
    return overflow ? nil : product
  }
}

extension String {
  /// HTTP/2 allows lower-case header names only.
  var lowercasedIfNeeded: String {
    utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) } ? lowercased() : self
  }

  /// Whether this is `other`, given in lower case, but for ASCII case.
  func isSame(asLowercase other: StaticString) -> Bool {
    utf8.count == other.utf8CodeUnitCount
      && zip(utf8, UnsafeBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount)).allSatisfy {
        $0 == $1 || ((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) && $0 + 32 == $1)
      }
  }
}
