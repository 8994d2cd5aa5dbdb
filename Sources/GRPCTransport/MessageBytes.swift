// SPDX-License-Identifier: Apache-2.0

public import GRPCCore

/// The bytes of one message: a value with copy-on-write storage.
///
/// A received message refers to gRPC core's memory, a message to send is lent to core until it is on the wire; neither is
/// copied.
public struct MessageBytes: GRPCContiguousBytes, Sendable {
  private(set) var storage: MessageStorage

  init(_ storage: MessageStorage) {
    self.storage = storage
  }

  public init(repeating byte: UInt8, count: Int) {
    self.storage = MessageStorage(repeating: byte, count: count)
  }

  public init(_ sequence: some Sequence<UInt8>) {
    let contiguous = sequence.withContiguousStorageIfAvailable { MessageStorage(copyOf: UnsafeRawBufferPointer($0)) }
    self.storage = contiguous ?? Array(sequence).withUnsafeBytes { MessageStorage(copyOf: $0) }
  }

  public var count: Int { storage.count }

  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withExtendedLifetime(storage) {
      try body(UnsafeRawBufferPointer(start: storage.base, count: storage.count))
    }
  }

  public mutating func withUnsafeMutableBytes<R>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> R
  ) rethrows -> R {
    if !isKnownUniquelyReferenced(&storage) || !storage.isWritable {
      storage = withUnsafeBytes { MessageStorage(copyOf: $0) }
    }
    return try withExtendedLifetime(storage) {
      try body(UnsafeMutableRawBufferPointer(start: storage.base, count: storage.count))
    }
  }
}

extension MessageBytes: Equatable {
  public static func == (left: MessageBytes, right: MessageBytes) -> Bool {
    left.withUnsafeBytes { left in right.withUnsafeBytes { left.elementsEqual($0) } }
  }
}
