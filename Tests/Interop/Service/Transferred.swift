// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
package import SwiftProtobuf

/// A message, and whether it is to travel, or has travelled, compressed.
package struct Transferred<Message: SwiftProtobuf.Message>: Sendable {
  package var message: Message
  package var isCompressed: Bool

  package init(_ message: Message, isCompressed: Bool = false) {
    self.message = message
    self.isCompressed = isCompressed
  }
}

/// Tells the transport of each message whether it may be compressed.
struct TransferredSerializer<Message: SwiftProtobuf.Message>: MessageSerializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ transferred: Transferred<Message>) throws -> Bytes {
    let encoded: [UInt8] = try transferred.message.serializedBytes()
    var bytes = MessageBytes(encoded)
    bytes.mayBeCompressed = transferred.isCompressed
    return bytes as? Bytes ?? Bytes(encoded)
  }
}

/// Learns from the transport of each message whether it came compressed.
struct TransferredDeserializer<Message: SwiftProtobuf.Message>: MessageDeserializer {
  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Transferred<Message> {
    let message = try bytes.withUnsafeBytes { try Message(serializedBytes: Array($0)) }
    return Transferred(message, isCompressed: (bytes as? MessageBytes)?.cameCompressed ?? false)
  }
}
