// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Testing

@testable import GRPCTransport

@Suite("A handler learns that its response is no longer wanted") struct ServerHandlerStateTests {
  static let task = Task<Void, Never> {}

  @Test func `A handler that is signalled keeps its task`() {
    var handler = ServerHandlerState()
    #expect(handler.attach(ServerContext.RPCCancellationHandle()).isEmpty)
    #expect(handler.attach(Self.task).isEmpty)
    let interruption = handler.signal()
    #expect(interruption.cancellation != nil)
    #expect(interruption.task == nil)
    #expect(handler.signal().isEmpty)
  }

  @Test func `A handler that is abandoned is cancelled altogether, once`() {
    var handler = ServerHandlerState()
    _ = handler.attach(ServerContext.RPCCancellationHandle())
    _ = handler.attach(Self.task)
    _ = handler.signal()
    let interruption = handler.abandon()
    #expect(interruption.cancellation != nil)
    #expect(interruption.task == Self.task)
    #expect(handler.abandon().isEmpty)
    #expect(handler.signal().isEmpty)
  }

  @Test func `What becomes known after an interruption is cancelled at once`() {
    var handler = ServerHandlerState()
    #expect(handler.signal().isEmpty)
    #expect(handler.attach(ServerContext.RPCCancellationHandle()).cancellation != nil)
    #expect(handler.attach(Self.task).isEmpty)

    handler = ServerHandlerState()
    #expect(handler.abandon().isEmpty)
    #expect(handler.attach(Self.task).task == Self.task)
    #expect(handler.attach(ServerContext.RPCCancellationHandle()).cancellation != nil)
  }

  @Test func `A handler that has ended is left alone`() {
    var handler = ServerHandlerState()
    _ = handler.attach(ServerContext.RPCCancellationHandle())
    handler.end()
    // A task that ran to its end at once becomes known only now.
    #expect(handler.attach(Self.task).isEmpty)
    #expect(handler.abandon().isEmpty)
    #expect(handler.phase == .ended)
  }
}

extension ServerHandlerState.Interruption {
  fileprivate var isEmpty: Bool { cancellation == nil && task == nil }
}
