// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Testing

@testable import ServiceSupport

@Suite("The catalog of reasons") struct FailureCatalogTests {
  private let entries = FailureCatalog.areas.flatMap(\.entries)

  @Test
  func `Every reason has one row`() {
    #expect(entries.count == FailureReason.allCases.count)
    #expect(Set(entries.map(\.reason)) == Set(FailureReason.allCases))
  }

  @Test
  func `Names are UPPER_SNAKE`() {
    for reason in FailureReason.allCases {
      #expect(reason.rawValue.wholeMatch(of: /[A-Z][A-Z0-9]*(_[A-Z0-9]+)*/) != nil, "\(reason.rawValue)")
    }
  }

  @Test
  func `No two names are made of the same words, as of one condition`() {
    let words = FailureReason.allCases.map { $0.rawValue.split(separator: "_").sorted() }
    #expect(Set(words).count == words.count)
  }

  @Test
  func `Meanings and remedies are sentences`() {
    for entry in entries {
      for text in [entry.meaning, entry.remedy] {
        #expect(
          text.hasSuffix(".") && text.first?.isLowercase == false && !text.contains("|"), "\(entry.reason): \(text)")
      }
    }
  }

  @Test
  func `What the request is at fault for is not to be sent again as it is`() {
    for entry in entries where entry.code == .invalidArgument || entry.code == .notFound {
      #expect(entry.retry == .never, "\(entry.reason)")
    }
  }

  @Test
  func `A failure has its reason's code, and its delay unless it measured another`() {
    #expect(ServiceFailure(.tooManyUploads, "wait").code == .resourceExhausted)
    #expect(ServiceFailure(.tooManyUploads, "wait").retryAfter == .seconds(10))
    #expect(ServiceFailure(.tooManyUploads, "wait", retryAfter: .seconds(3)).retryAfter == .seconds(3))
    #expect(ServiceFailure(.itemEmpty, "send an image").retryAfter == nil)
  }
}
