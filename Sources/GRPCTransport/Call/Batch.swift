// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import GRPCCore

/// Operations of one call that are started together and complete together.
struct Batch: ~Copyable {
  private let batch: OpaquePointer

  init(takingOwnershipOf batch: OpaquePointer) {
    self.batch = batch
  }

  deinit {
    illmrec_batch_discard(batch)
  }

  /// - Parameter compresses: for servers, whether core may compress the messages that follow.
  func sendInitialMetadata(
    _ metadata: Metadata, wait: illmrec_wait = ILLMREC_WAIT_DEFAULT, compresses: Bool = false
  ) throws(RPCError) {
    try add(metadata, to: ILLMREC_INITIAL_METADATA)
    illmrec_batch_send_initial_metadata(batch, wait)
    if compresses { illmrec_batch_compress_messages(batch) }
  }

  /// Lends the message to core until it is sent.
  func sendMessage(_ message: MessageBytes) {
    let storage = message.storage
    illmrec_batch_send_message(
      batch, storage.base, storage.count, message.mayBeCompressed, Unmanaged.passRetained(storage).toOpaque()
    ) { owner in
      guard let owner else { return }
      Unmanaged<MessageStorage>.fromOpaque(owner).release()
    }
  }

  func sendClose() { illmrec_batch_send_close(batch) }

  func sendStatus(_ status: Status, _ metadata: Metadata) throws(RPCError) {
    try add(metadata, to: ILLMREC_TRAILING_METADATA)
    var message = status.message
    message.withUTF8 { text in
      text.withMemoryRebound(to: CChar.self) {
        illmrec_batch_send_status(batch, Int32(status.code.rawValue), $0.baseAddress, $0.count)
      }
    }
  }

  func receiveInitialMetadata() { illmrec_batch_receive_initial_metadata(batch) }
  func receiveMessage() { illmrec_batch_receive_message(batch) }
  func receiveStatus() { illmrec_batch_receive_status(batch) }
  func receiveClose() { illmrec_batch_receive_close(batch) }

  /// Starts the batch. `done` is called once, on a queue thread, with a reference to `owner` that it must take back.
  consuming func start(
    for owner: some BatchOwner,
    done: @escaping @Sendable @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?, Bool) -> Void
  ) {
    let batch = self.batch
    discard self
    let started = illmrec_batch_start(batch, Unmanaged.passRetained(owner).toOpaque(), done)
    precondition(started, "gRPC core refused a batch: operations of one direction overlap, or one was repeated")
  }

  private func add(_ metadata: Metadata, to kind: illmrec_metadata_kind) throws(RPCError) {
    for (key, value) in metadata {
      // The deadline is the call's own; core writes this header itself.
      if key.isSame(asLowercase: "grpc-timeout") { continue }
      let isAdded =
        switch value {
        case .string(let text) where key.utf8.suffix(4).elementsEqual("-bin".utf8):
          // Core encodes binary values itself, so text that is already encoded is decoded first.
          add(key, Metadata([(key, .string(text))])[binaryValues: key].first { _ in true } ?? [], to: kind)
        case .string(let text):
          add(key, text.utf8, to: kind)
        case .binary(let bytes):
          add(key, bytes, to: kind)
        }
      guard isAdded else { throw Self.illegalMetadata(key) }
    }
  }

  private func add(_ key: String, _ value: some Collection<UInt8>, to kind: illmrec_metadata_kind) -> Bool {
    var key = key.lowercasedIfNeeded
    return key.withUTF8 { key in
      key.withMemoryRebound(to: CChar.self) { key in
        func add(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
          illmrec_batch_add_metadata(batch, kind, key.baseAddress, key.count, value.baseAddress, value.count)
        }
        return value.withContiguousStorageIfAvailable(add) ?? Array(value).withUnsafeBufferPointer(add)
      }
    }
  }

  private static func illegalMetadata(_ key: String) -> RPCError {
    RPCError(
      code: .internalError,
      message: """
        The metadata under \(String(reflecting: key)) cannot be sent: keys are lower-case letters, digits, '-', '_' and '.', \
        values printable ASCII unless the key ends in "-bin".
        """)
  }
}

/// An object that each batch under way holds until its completion has run.
protocol BatchOwner: AnyObject, Sendable {}

extension BatchOwner {
  /// Takes over the reference that a batch held. Once, in its completion.
  static func takeBack(_ context: UnsafeMutableRawPointer?) -> Self {
    guard let context else { preconditionFailure("a completion without the batch's owner") }
    return Unmanaged<Self>.fromOpaque(context).takeRetainedValue()
  }
}

/// What a completed batch received; valid in its callback only.
struct BatchResult: ~Copyable {
  private let batch: OpaquePointer

  init(borrowing batch: OpaquePointer?) {
    guard let batch else { preconditionFailure("a completion without its batch") }
    self.batch = batch
  }

  /// How the response began, of a batch that received its metadata.
  var beginning: illmrec_response { illmrec_batch_response(batch) }

  var initialMetadata: Metadata { Metadata(copyOf: illmrec_batch_initial_metadata(batch)) }

  /// The received message, compressed if it came so; there is one to take at most once.
  func takeMessage() -> MessageBytes? {
    var bytes = illmrec_bytes()
    var isCompressed = false
    guard illmrec_batch_take_message(batch, &bytes, &isCompressed) else { return nil }
    return MessageBytes(takingOwnershipOf: bytes, isCompressed: isCompressed)
  }

  /// Whether a receive without a message met a broken stream, not its end.
  var receiveFailed: Bool { illmrec_batch_receive_failed(batch) }

  /// How the call ended, on the client.
  var status: (Status, Metadata) {
    var text: UnsafePointer<CChar>?
    var count = 0
    let code = illmrec_batch_status(batch, &text, &count)
    let bytes = UnsafeRawBufferPointer(start: text, count: count)
    let status = Status(
      code: Status.Code(rawValue: Int(code)) ?? .unknown, message: String(decoding: bytes, as: UTF8.self))
    return (status, Metadata(copyOf: illmrec_batch_trailing_metadata(batch)))
  }

  /// Whether the call ended before its status was delivered, on the server.
  var isCancelled: Bool { illmrec_batch_cancelled(batch) }
}
