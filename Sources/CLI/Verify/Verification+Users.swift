// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Recommender
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// The user side: histories to tokens and vectors, vectors to scores.

extension Verification {
  private func place(_ history: Int) -> String { "history \(history)" }

  func countTokens(into report: inout VerifyReport) async throws {
    progress("tokenising \(golden.histories.count) histories")
    for (index, history) in golden.histories.enumerated() {
      var request = LLM_CountTokensRequest()
      request.user.history.items = history.titles.map { title in .with { $0.title = title ?? "" } }
      let response = try await call(.llm) { [request] in try await llm.countTokens(request) }
      report.compare(.tokenIDs, ids: response.tokenIds, expected: history.tokenIDs, at: place(index))
    }
  }

  /// - Returns: per history the query for the image space.
  func encodeUsers(
    _ items: [Item], _ info: LLM_GetServerInfoResponse, into report: inout VerifyReport
  ) async throws -> [[Float]] {
    progress("encoding \(golden.histories.count) users")
    var queries: [[Float]] = []
    let portions = Array(golden.histories.indices).portions(maxCount: max(1, Int(info.limits.maxUsersPerRequest)))
    for portion in portions {
      let request = LLM_EncodeUsersRequest.with {
        $0.outputs = [.userVector, .hiddenState, .spaceVectors]
        $0.expectedSpaceFingerprint = info.model.spaceFingerprint
        $0.users = portion.map { user(golden.histories[$0], items) }
      }
      let response = try await call(.llm) { try await llm.encodeUsers(request) }
      guard response.results.count == portion.count else {
        throw CLIError(.service, "the LLM service: \(response.results.count) results for \(portion.count) users")
      }
      for (index, result) in zip(portion, response.results) {
        queries.append(try query(index, result, info, into: &report))
      }
    }
    return queries
  }

  private func user(_ history: Golden.History, _ items: [Item]) -> LLM_UserPrompt {
    .with {
      $0.history.items = zip(history.items, history.titles).map { index, title in
        .with {
          $0.itemID = Self.itemID(index)
          $0.title = title ?? ""
          $0.softToken = items[index].softToken
        }
      }
    }
  }

  private func query(
    _ index: Int, _ result: LLM_UserResult, _ info: LLM_GetServerInfoResponse,
    into report: inout VerifyReport
  ) throws -> [Float] {
    guard !result.hasError else {
      throw CLIError(.service, "the LLM service: \(place(index)): \(result.error.reason): \(result.error.message)")
    }
    let expected = golden.histories[index]
    let hidden = try floats(result.hiddenState, "hidden_state", [golden.softTokenDim])
    report.compare(.hiddenState, hidden, expected: expected.hiddenState, at: place(index))
    for space in GoldenSpace.allCases {
      guard let expected = expected.userVectors[space.rawValue] else { continue }
      guard let served = result.spaceVectors.first(where: { $0.space == space.wire }) else {
        throw CLIError(
          .verificationFailed, "the LLM service returns no vector of the space \(space.rawValue), which the golden has")
      }
      let vector = try floats(served.vector, "space_vectors", [golden.spaceDim])
      report.compare(Quantity(userVectorOf: space), vector, expected: expected, at: place(index))
    }
    let vector = try floats(result.userVector, "user_vector", [golden.spaceDim * info.spaces.count])
    // Goldens' scores are of the image space alone, with weight 1.
    let weight = info.spaces.firstIndex(of: .image).map { info.spaceWeights[$0] } ?? 1
    return Self.imageBlock(of: vector, spaces: info.spaces).map { $0 / weight }
  }

  func search(
    _ queries: [[Float]], in version: String, model: Common_ModelRef, into report: inout VerifyReport
  ) async throws {
    progress("searching \(golden.images.count) items")
    let limits = try await call(.retrieval) { try await retrieval.getServerInfo(.init()).limits }
    guard golden.images.count <= Int(limits.maxK) else {
      throw CLIError(
        .service,
        "the retrieval service returns at most \(limits.maxK) items; to rank the golden's \(golden.images.count) start it "
          + "with --max-k \(golden.images.count)")
    }
    for portion in Array(queries.indices).portions(maxCount: max(1, Int(limits.maxQueriesPerRequest))) {
      let request = Retrieval_SearchRequest.with {
        $0.target.version = version
        $0.expectedSpaceFingerprint = model.spaceFingerprint
        $0.queries = portion.map { index in
          .with {
            $0.vector = .init(queries[index])
            $0.k = UInt32(golden.images.count)
          }
        }
      }
      let response = try await call(.retrieval) { try await retrieval.search(request) }
      for (index, result) in zip(portion, response.results) { try compare(result, history: index, into: &report) }
    }
  }

  private func compare(
    _ result: Retrieval_QueryResult, history index: Int, into report: inout VerifyReport
  ) throws(CLIError) {
    guard !result.hasError else {
      throw CLIError(
        .service, "the retrieval service: \(place(index)): \(result.error.reason): \(result.error.message)")
    }
    let expected = golden.histories[index]
    let places = Dictionary(uniqueKeysWithValues: golden.images.indices.map { (Self.itemID($0), $0) })
    let ranking = result.items.compactMap { places[$0.itemID] }
    var scores = [Float](repeating: .nan, count: golden.images.count)
    for (item, place) in zip(result.items, ranking) { scores[place] = item.score }
    report.compare(.scores, scores, expected: expected.imageScores, at: place(index))
    report.compareRanking(ranking, expected: expected.ranking, scores: expected.imageScores, at: place(index))
  }
}

extension GoldenSpace {
  fileprivate var wire: Common_Space {
    switch self {
    case .image: .image
    case .cf: .cf
    case .text: .text
    }
  }
}
