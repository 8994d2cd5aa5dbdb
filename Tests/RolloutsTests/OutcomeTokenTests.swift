// SPDX-License-Identifier: Apache-2.0

import Digest
import Testing

@testable import Rollouts

@Suite("Outcome tokens are signed")
struct OutcomeTokenTests {
  private let key: OutcomeKey
  private let token = OutcomeToken(
    rollout: 7,
    answer: GivenAnswer(arm: .candidate, stage: 3, epoch: .max, timeMicros: 1 << 40, number: 1 << 63),
    items: ["a", "b", "cafe\u{301}"].map(ItemHash.of))

  init() throws { key = try #require(OutcomeKey([UInt8](0..<32))) }

  private func read(_ bytes: [UInt8], key: OutcomeKey? = nil, index: String = "items") -> OutcomeJoin? {
    guard case .failure(let refusal) = OutcomeToken.read(bytes, key: key ?? self.key, index: index) else { return nil }
    return refusal.join
  }

  @Test
  func `HMAC is that of RFC 4231`() {
    let tag = HMACSHA256.tag(of: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
    #expect(SHA256.hex(tag) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
  }

  @Test
  func `A token comes back as it was`() throws {
    let bytes = token.signed(by: key, index: "items")
    #expect(bytes.count == 68 + 4 * 3)
    #expect(try OutcomeToken.read(bytes, key: key, index: "items").get() == token)
  }

  @Test
  func `Every changed bit, every other length and every other index is told`() throws {
    let bytes = token.signed(by: key, index: "items")
    for place in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[place] ^= 1 << bit
        let expected: OutcomeJoin = (1..<5).contains(place) ? .foreignToken : .invalidToken
        #expect(read(changed) == expected, "byte \(place), bit \(bit)")
      }
    }
    for count in 0..<bytes.count { #expect(read(Array(bytes.prefix(count))) == .invalidToken) }
    #expect(read(bytes + [0]) == .invalidToken)
    #expect(read(bytes, index: "other") == .otherIndex)
    let other = try #require(OutcomeKey([UInt8](1..<33)))
    #expect(read(bytes, key: other) == .foreignToken)
    #expect(OutcomeKey([UInt8](0..<31)) == nil && OutcomeKey.randomBytes() != OutcomeKey.randomBytes())
  }

  @Test
  func `A long answer's token holds its first items`() throws {
    let long = OutcomeToken(rollout: 1, answer: token.answer, items: 0..<5000)
    let bytes = long.signed(by: key, index: "items")
    #expect(bytes.count == 68 + 4 * OutcomeToken.maxItems)
    #expect(try OutcomeToken.read(bytes, key: key, index: "items").get().items == Array(0..<1000))
  }
}

@Suite("Answers are found by the ids of their requests")
struct RememberedAnswersTests {
  private func answer(_ number: UInt64) -> RememberedAnswers.Answer {
    .init(given: GivenAnswer(arm: .baseline, stage: 0, epoch: 1, timeMicros: 0, number: number), items: [1])
  }

  @Test
  func `The first of the same ids is found until its time is over`() {
    var answers = RememberedAnswers(capacity: 10, windowMicros: 100)
    answers.remember(answer(1), to: AnswerKey(requestID: "r", queryID: "ann"), now: 0)
    answers.remember(answer(2), to: AnswerKey(requestID: "r", queryID: "bob"), now: 50)
    answers.remember(answer(3), to: AnswerKey(requestID: "r", queryID: "ann"), now: 60)
    #expect(answers.answer(to: AnswerKey(requestID: "r", queryID: "ann")) == answer(1))
    #expect(answers.answer(to: AnswerKey(requestID: "r", queryID: "bob")) == answer(2))
    // Not the same bytes, though the same text when joined.
    #expect(answers.answer(to: AnswerKey(requestID: "ra", queryID: "nn")) == nil)
    answers.expire(now: 99)
    #expect(answers.count == 2)
    answers.expire(now: 100)
    #expect(answers.answer(to: AnswerKey(requestID: "r", queryID: "ann")) == nil && answers.count == 1)
    answers.expire(now: 150)
    #expect(answers.count == 0 && answers.forgotten == 0)
  }

  @Test
  func `Beyond the capacity the oldest is forgotten`() {
    var answers = RememberedAnswers(capacity: 3000, windowMicros: 10)
    for number in 0..<10_000 {
      answers.remember(
        answer(UInt64(number)), to: AnswerKey(requestID: "\(number)", queryID: ""), now: Int64(number / 10_000))
    }
    #expect(answers.count == 3000 && answers.forgotten == 7000)
    #expect(answers.answer(to: AnswerKey(requestID: "6999", queryID: "")) == nil)
    #expect(answers.answer(to: AnswerKey(requestID: "7000", queryID: "")) == answer(7000))
  }
}
