// SPDX-License-Identifier: Apache-2.0

import Digest

/// What an answer carries, so that whoever has it can report outcomes to any process with the same key.
///
/// On the wire, integers little-endian: format (1 byte), the key's id (4), the index (8, the beginning of a SHA-256 of its name),
/// rollout (8), stage (4), arm (1), epoch (8), time (8), number (8), how many items there are (2), an `ItemHash` of each (4), and the
/// first 16 bytes of an HMAC-SHA-256 over all of it.
package struct OutcomeToken: Sendable, Equatable {
  /// Items that outcomes can be reported of: the first ones of the answer.
  package static let maxItems = 1000

  /// Number of the rollout.
  package let rollout: UInt64
  package let answer: GivenAnswer
  package let items: [UInt32]

  package init(rollout: UInt64, answer: GivenAnswer, items: some Collection<UInt32>) {
    self.rollout = rollout
    self.answer = answer
    self.items = Array(items.prefix(Self.maxItems))
  }

  private static let format: UInt8 = 1
  private static let tagBytes = 16
  private static let headBytes = 1 + 4 + 8 + 8 + 4 + 1 + 8 + 8 + 8 + 2

  /// The token as an answer of `index` carries it.
  package func signed(by key: OutcomeKey, index: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.headBytes + 4 * items.count + Self.tagBytes)
    bytes.append(Self.format)
    bytes += key.id
    bytes += Self.digest(of: index)
    bytes.append(littleEndian: rollout)
    bytes.append(littleEndian: UInt32(answer.stage))
    bytes.append(UInt8(answer.arm.rawValue))
    bytes.append(littleEndian: answer.epoch)
    bytes.append(littleEndian: answer.timeMicros)
    bytes.append(littleEndian: answer.number)
    bytes.append(littleEndian: UInt16(items.count))
    for item in items { bytes.append(littleEndian: item) }
    return bytes + HMACSHA256.tag(of: bytes, key: key.bytes).prefix(Self.tagBytes)
  }

  /// The token in `bytes`, or why it counts for nothing.
  package static func read(
    _ bytes: [UInt8], key: OutcomeKey, index: String
  ) -> Result<OutcomeToken, Refusal> {
    guard bytes.count >= headBytes + tagBytes, bytes[0] == format else { return .failure(.invalid) }
    guard bytes[1..<5].elementsEqual(key.id) else { return .failure(.foreign) }
    let message = Array(bytes.dropLast(tagBytes))
    guard HMACSHA256.isTag(bytes.suffix(tagBytes), of: message, key: key.bytes) else { return .failure(.invalid) }
    guard bytes[5..<13].elementsEqual(digest(of: index)) else { return .failure(.otherIndex) }
    return token(message).map(Result.success) ?? .failure(.invalid)
  }

  package enum Refusal: Error {
    case invalid
    case foreign
    case otherIndex
  }

  /// - Parameter message: whose signature is sound.
  private static func token(_ message: [UInt8]) -> OutcomeToken? {
    func number<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type, at offset: Int) -> Number {
      message.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
    }
    let count = Int(number(UInt16.self, at: headBytes - 2))
    guard message.count == headBytes + 4 * count, let arm = Arm(rawValue: Int(message[25])) else { return nil }
    return OutcomeToken(
      rollout: number(UInt64.self, at: 13),
      answer: GivenAnswer(
        arm: arm, stage: Int(number(UInt32.self, at: 21)), epoch: number(UInt64.self, at: 26),
        timeMicros: number(Int64.self, at: 34), number: number(UInt64.self, at: 42)),
      items: (0..<count).map { number(UInt32.self, at: headBytes + 4 * $0) })
  }

  private static func digest(of index: String) -> ArraySlice<UInt8> {
    var digest = SHA256()
    digest.update(index)
    return digest.finish().prefix(8)
  }
}

extension OutcomeToken.Refusal {
  package var join: OutcomeJoin {
    switch self {
    case .invalid: .invalidToken
    case .foreign: .foreignToken
    case .otherIndex: .otherIndex
    }
  }
}

extension [UInt8] {
  fileprivate mutating func append(littleEndian number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }
}
