// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Testing
import VectorIndex

@testable import MilvusBackend

@Suite("Milvus' errors are translated")
struct MilvusStatusTests {
  @Test(
    arguments: [
      (100, false, .corrupt), (101, false, .backendUnavailable), (8, true, .backendOverloaded),
      (9, false, .backendOverloaded), (800, false, .backendRefused), (1401, false, .backendRefused),
      (1100, false, .backendRefused), (10001, false, .deadlineExceeded), (2, true, .backendUnavailable),
      (65535, false, .backendFailed),
    ] as [(Int32, Bool, VectorIndexError.Code)])
  func `Milvus' errors become the index's, by their codes`(
    code: Int32, isRetriable: Bool, expected: VectorIndexError.Code
  ) throws {
    var answer = Milvus_Proto_Common_Status()
    answer.code = code
    answer.reason = "its reason"
    answer.retriable = isRetriable
    let status = try #require(MilvusStatus(answer))
    let error = VectorIndexError(status, doing: "search c", at: "Milvus at h:1")
    #expect(error.code == expected)
    for word in ["Milvus at h:1", "search c", "its reason", "\(code)"] { #expect(error.message.contains(word)) }
  }

  @Test
  func `Success is no error, and answers of older releases are read by their older codes`() throws {
    #expect(MilvusStatus(Milvus_Proto_Common_Status()) == nil)
    var answer = Milvus_Proto_Common_Status()
    answer.errorCode = 4
    #expect(try #require(MilvusStatus(answer)).isCollectionMissing)
    answer.errorCode = 49
    #expect(try #require(MilvusStatus(answer)).isRateLimited)
  }

  @Test(
    arguments: [
      (.unavailable, .backendUnavailable, "check that it runs there"),
      (.deadlineExceeded, .deadlineExceeded, "time left"),
      (.unauthenticated, .backendRefused, "--milvus-token-file"), (.unimplemented, .backendRefused, "is it Milvus"),
    ] as [(RPCError.Code, VectorIndexError.Code, String)])
  func `Calls without an answer name the address and the remedy`(
    code: RPCError.Code, expected: VectorIndexError.Code, word: String
  ) {
    let error = VectorIndexError(RPCError(code: code, message: "m"), doing: "x", at: "Milvus at h:1")
    #expect(error.code == expected && error.message.contains(word) && error.message.contains("h:1"))
  }
}
