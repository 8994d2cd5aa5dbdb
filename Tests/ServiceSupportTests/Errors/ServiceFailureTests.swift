// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCProtobuf
import ServiceAPI
import Testing

@testable import ServiceSupport

@Suite("A failure becomes a status") struct ServiceFailureTests {
  private let failure = ServiceFailure(
    relaying: .resourceExhausted, reason: "QUEUE_FULL", "the queue is full; try again later", field: "users[2]",
    retryAfter: .milliseconds(1500))

  @Test func `A status carries reason, field and delay`() throws {
    let error = RPCError(failure)
    #expect(error.code == .resourceExhausted)
    #expect(error.message == "users[2]: the queue is full; try again later")
    let details = try #require(try error.unpackGoogleRPCStatus()).details
    let info = try #require(details.compactMap(\.errorInfo).first)
    #expect(info.reason == "QUEUE_FULL")
    #expect(info.domain == "illmrec")
    let violation = try #require(details.compactMap(\.badRequest).first?.violations.first)
    #expect(violation.field == "users[2]")
    #expect(violation.violationDescription == "the queue is full; try again later")
    #expect(details.compactMap(\.retryInfo).first?.delay == .milliseconds(1500))
  }

  @Test func `Without field and delay there is only the reason`() throws {
    let error = RPCError(ServiceFailure(.itemNotFound, "no such item"))
    #expect(try #require(try error.unpackGoogleRPCStatus()).details.count == 1)
    #expect(error.message == "no such item")
  }

  @Test func `An item error says the same`() {
    let item = failure.itemError
    #expect(item.code == 8)
    #expect(item.reason == "QUEUE_FULL")
    #expect(item.message == "users[2]: the queue is full; try again later")
    #expect(item.field == "users[2]")
    #expect(ServiceFailure(.itemNotFound, "no such item").itemError.field.isEmpty)
  }

  @Test func `Another type's error names the first field that its reason may be about, or none`() {
    let fields = ["users[1].history", "users[1].history.items", "user.history.items"]
    #expect(ServiceFailure(.promptTooLong, "shorten it", inOneOf: fields).field == "users[1].history.items")
    #expect(ServiceFailure(.modelError, "broken", inOneOf: fields).field == nil)
  }

  @Test func `An element's failure is named from the root once the element's place is known`() {
    let failure = ServiceFailure(relaying: .invalidArgument, reason: "K_INVALID", "k is 0", field: "k")
    #expect(failure.located(in: "queries[3]").field == "queries[3].k")
    #expect(ServiceFailure(.queueFull, "full").located(in: "queries[3]").field == nil)
  }

  @Test func `A summary is one line for a person`() {
    #expect(
      RPCError(failure).summary.hasPrefix(
        "RESOURCE_EXHAUSTED (QUEUE_FULL): users[2]: the queue is full; try again later; try again in 1.5 s"))
    #expect(RPCError(code: .unavailable, message: "connection refused").summary == "UNAVAILABLE: connection refused")
  }

  @Test func `Unreadable details are no details`() {
    var error = RPCError(code: .internalError, message: "x")
    error.metadata.addBinary([0xFF, 0xFF, 0xFF], forKey: "grpc-status-details-bin")
    #expect(error.reason == nil)
    #expect(error.summary == "INTERNAL: x")
  }

  @Test func `Long messages are cut to what headers hold`() {
    let failure = ServiceFailure(.internalFailure, String(repeating: "é", count: 5000))
    #expect(failure.message.utf8.count < 1300)
    #expect(failure.message.hasSuffix("…"))
    #expect(ServiceFailure(.internalFailure, "short").message == "short")
  }

  @Test func `Every code has its name`() {
    let codes = (1...16).compactMap { Status.Code(rawValue: $0).flatMap { RPCError.Code($0) } }
    #expect(codes.count == 16)
    #expect(Set(codes.map(\.name)).count == 16)
    #expect(RPCError.Code.internalError.name == "INTERNAL")
  }
}
