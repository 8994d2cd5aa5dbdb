// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Testing

@testable import GRPCTransport

@Suite("Message bytes are shared until written") struct MessageBytesTests {
  static func array(_ bytes: MessageBytes) -> [UInt8] { bytes.withUnsafeBytes { Array($0) } }

  @Test(arguments: [0, 1, 100, 100_000])
  func `Repeated bytes are held`(_ count: Int) {
    #expect(Self.array(MessageBytes(repeating: 0, count: count)) == [UInt8](repeating: 0, count: count))
    #expect(Self.array(MessageBytes(repeating: 7, count: count)) == [UInt8](repeating: 7, count: count))
  }

  @Test func `Sequences of bytes are held`() {
    #expect(Self.array(MessageBytes([1, 2, 3])) == [1, 2, 3])
    #expect(Self.array(MessageBytes((1...3).lazy.map { UInt8($0) })) == [1, 2, 3])
    #expect(MessageBytes([UInt8]()).count == 0)
  }

  @Test func `Copies are independent`() {
    let first = MessageBytes([1, 2, 3])
    var second = first
    second.withUnsafeMutableBytes { $0[0] = 9 }
    #expect(Self.array(first) == [1, 2, 3])
    #expect(Self.array(second) == [9, 2, 3])
    #expect(first != second)
  }

  @Test func `The only holder writes in place`() {
    var bytes = MessageBytes([1, 2, 3])
    let before = bytes.withUnsafeBytes { $0.baseAddress }
    bytes.withUnsafeMutableBytes { $0[0] = 9 }
    #expect(bytes.withUnsafeBytes { $0.baseAddress } == before)
  }
}
