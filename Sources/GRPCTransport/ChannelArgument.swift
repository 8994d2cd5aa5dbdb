// SPDX-License-Identifier: Apache-2.0

import CGrpcShim

/// An option of gRPC core for a channel or server, under the key core's documentation gives it.
struct ChannelArgument: Sendable {
  enum Value: Sendable {
    case number(Int32)
    case text(String)
  }

  var key: String
  var value: Value

  init(_ key: String, _ number: Int) {
    self.key = key
    self.value = .number(Int32(clamping: number))
  }

  init(_ key: String, _ isOn: Bool) {
    self.init(key, isOn ? 1 : 0)
  }

  init(_ key: String, _ text: String) {
    self.key = key
    self.value = .text(text)
  }

  /// Milliseconds, at least one; core has no finer unit.
  init(_ key: String, _ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    self.init(key, overflow ? Int(Int32.max) : max(1, Int(milliseconds) + Int(attoseconds / 1_000_000_000_000_000)))
  }
}

extension ChannelArgument {
  /// Of core's algorithms only the first, which leaves messages as they are.
  static let withoutCompression = ChannelArgument("grpc.compression_enabled_algorithms_bitset", 1)

  /// Core would inflate a message before it looks at its size; whoever reads it inflates it here, up to the limit.
  static let withoutInflation = ChannelArgument("grpc.per_message_decompression", false)
}

extension [ChannelArgument] {
  /// Calls `body` with the arguments in core's form, valid during the call.
  func withCoreArguments<R>(_ body: (UnsafeBufferPointer<illmrec_argument>) -> R) -> R {
    var strings: [UnsafeMutablePointer<CChar>] = []
    func copy(_ text: String) -> UnsafePointer<CChar> {
      let copy = text.withCString { source in
        let count = text.utf8.count + 1
        let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: count)
        pointer.initialize(from: source, count: count)
        return pointer
      }
      strings.append(copy)
      return UnsafePointer(copy)
    }
    defer { strings.forEach { $0.deallocate() } }
    let arguments = map { argument in
      switch argument.value {
      case .number(let number): illmrec_argument(key: copy(argument.key), text: nil, number: number)
      case .text(let text): illmrec_argument(key: copy(argument.key), text: copy(text), number: 0)
      }
    }
    return arguments.withUnsafeBufferPointer(body)
  }
}
