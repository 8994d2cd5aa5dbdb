// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Testing

@testable import GRPCTransport

@Suite("An inbox hands out what arrived") struct InboxTests {
  static let error = RPCError(code: .cancelled, message: "")

  static func message(_ count: Int) -> MessageBytes { MessageBytes(repeating: 1, count: count) }

  static func startsReceive(_ inbox: inout Inbox) -> Bool { inbox.startReceiveIfHungry() }

  /// The sizes of the messages that can be read now, and how it ends.
  static func drain(_ inbox: inout Inbox) -> (sizes: [Int], ending: String) {
    var sizes: [Int] = []
    while true {
      switch inbox.next() {
      case .message(let message): sizes.append(message.count)
      case .end: return (sizes, "end")
      case .failure: return (sizes, "failure")
      case .wait: return (sizes, "wait")
      }
    }
  }

  @Test func `Messages come in order and then the end`() {
    var inbox = Inbox()
    for count in 1...3 {
      #expect(Self.startsReceive(&inbox))
      inbox.received(Self.message(count), ending: .ended)
    }
    #expect(Self.startsReceive(&inbox))
    inbox.received(nil, ending: .ended)
    #expect(!Self.startsReceive(&inbox))
    #expect(Self.drain(&inbox) == ([1, 2, 3], "end"))
  }

  @Test func `One receive is under way at a time`() {
    var inbox = Inbox()
    #expect(Self.startsReceive(&inbox))
    #expect(!Self.startsReceive(&inbox))
    #expect(inbox.isReceiving)
  }

  @Test func `An inbox is full by count or bytes`() {
    var inbox = Inbox()
    for _ in 0..<Inbox.capacityMessages {
      #expect(Self.startsReceive(&inbox))
      inbox.received(Self.message(1), ending: .ended)
    }
    #expect(!Self.startsReceive(&inbox))
    _ = inbox.next()
    #expect(Self.startsReceive(&inbox))

    inbox = Inbox()
    #expect(Self.startsReceive(&inbox))
    inbox.received(Self.message(Inbox.capacityBytes), ending: .ended)
    #expect(!Self.startsReceive(&inbox))
  }

  @Test func `A failure drops what was not read`() {
    var inbox = Inbox()
    #expect(Self.startsReceive(&inbox))
    inbox.received(Self.message(5), ending: .ended)
    inbox.fail(Self.error)
    #expect(inbox.isReady)
    #expect(Self.drain(&inbox) == ([], "failure"))
  }

  @Test func `What arrives after a failure is dropped`() {
    var inbox = Inbox()
    #expect(Self.startsReceive(&inbox))
    inbox.fail(Self.error)
    inbox.received(Self.message(5), ending: .ended)
    #expect(!inbox.isReceiving)
    #expect(!inbox.hasMessages)
  }

  @Test func `A broken stream fails after its messages`() {
    var inbox = Inbox()
    #expect(Self.startsReceive(&inbox))
    inbox.received(Self.message(5), ending: .ended)
    #expect(Self.startsReceive(&inbox))
    inbox.received(nil, ending: .failed(Self.error))
    #expect(Self.drain(&inbox) == ([5], "failure"))
  }

  @Test func `An inbox tells whether it is ready`() {
    var inbox = Inbox()
    #expect(!inbox.isReady)
    inbox.received(Self.message(1), ending: .ended)
    #expect(inbox.isReady)
    #expect(Self.drain(&inbox) == ([1], "wait"))
    #expect(!inbox.isReady)
    #expect(Inbox(.ended).isReady)
    #expect(Inbox(holding: Self.message(1)).isReady)
  }
}
