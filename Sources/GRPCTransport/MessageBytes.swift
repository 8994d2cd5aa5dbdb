// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
public import GRPCCore

/// The bytes of one message: a value with copy-on-write storage.
///
/// A received message refers to gRPC core's memory, a message to send is lent to core until it is on the wire; neither is
/// copied.
public struct MessageBytes: GRPCContiguousBytes, Sendable {
  private(set) var storage: MessageStorage
  private var form = Form.plain

  /// Of a message to send: whether it may be compressed, where its call's messages are.
  public var mayBeCompressed = true

  /// Of a received message: whether it came compressed.
  public var cameCompressed: Bool { form == .inflated }

  /// Whether the bytes are compressed still.
  var isCompressed: Bool { form == .compressed }

  private enum Form {
    case plain
    case compressed
    case inflated
  }

  init(_ storage: MessageStorage) {
    self.storage = storage
  }

  /// Takes over what core received.
  init(takingOwnershipOf bytes: illmrec_bytes, isCompressed: Bool) {
    self.storage = MessageStorage(takingOwnershipOf: bytes)
    self.form = isCompressed ? .compressed : .plain
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

extension MessageBytes {
  /// The message as its sender wrote it. Not on a queue thread: a large one takes a while.
  ///
  /// - Parameter limit: the most bytes that it may have.
  func inflated(limit: Int) throws(RPCError) -> MessageBytes {
    guard isCompressed else { return self }
    var bytes = illmrec_bytes()
    let result = withUnsafeBytes { illmrec_inflate($0.baseAddress, $0.count, limit, &bytes) }
    switch result {
    case ILLMREC_INFLATION_DONE: break
    case ILLMREC_INFLATION_TOO_LARGE:
      throw RPCError(
        code: .resourceExhausted,
        message: "The compressed message has more than the \(limit) bytes that are taken; send a smaller one.")
    default:
      throw RPCError(
        code: .internalError, message: "The compressed message is neither whole gzip nor zlib data; send it anew.")
    }
    var inflated = MessageBytes(MessageStorage(takingOwnershipOf: bytes))
    inflated.form = .inflated
    return inflated
  }
}

extension MessageBytes: Equatable {
  public static func == (left: MessageBytes, right: MessageBytes) -> Bool {
    left.withUnsafeBytes { left in right.withUnsafeBytes { left.elementsEqual($0) } }
  }
}
