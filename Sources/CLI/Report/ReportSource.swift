// SPDX-License-Identifier: Apache-2.0

import Basics
import Evaluation
import Foundation
import Pages
import Training

/// What a report is made of.
enum ReportSource {
  case study(StudyResult)
  case evaluation(EvaluationDocument)
  case training(TrainingDocument)

  /// Reads a result of `study --json` or `evaluate --json`, or a run's directory.
  init(path: String) throws(CLIError) {
    if InputFile.isDirectory(path) {
      self = .training(try TrainingDocument(RunDirectory(path)))
      return
    }
    let bytes = try InputFile.bytes(of: path, what: "a result")
    // Names without an underscore stay as they are, so that files with camelCase names are read too.
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      let kind = try decoder.decode(Kind.self, from: bytes)
      if kind.format != nil {
        let result = try decoder.decode(StudyResult.self, from: bytes)
        try result.check()
        self = .study(result)
      } else {
        self = .evaluation(try decoder.decode(EvaluationDocument.self, from: bytes))
      }
    } catch {
      throw CLIError(
        .invalidInput,
        "\(path): not the JSON of illmrec evaluate --json or illmrec study --json: \(ErrorText.of(error))", cause: error
      )
    }
  }

  private struct Kind: Decodable { let format: String? }
}

/// What `illmrec evaluate --json` writes, as far as a report shows it.
struct EvaluationDocument: Decodable {
  struct Figure: Decodable {
    let value: Double
    let low: Double
    let high: Double
  }

  struct Method: Decodable {
    let name: String
    let note: String
    let seeds: [UInt64]
    let metrics: [String: Figure]
    let coverage: Double
    let secondsPer100Users: Double
    let tokensPerUser: Double?
  }

  let data: String
  let part: String
  let candidates: String
  let users: Int
  let resamples: Int
  let methods: [Method]
  /// Missing in files of earlier versions.
  let differences: [MethodDifference]?
}

extension EvaluationDocument {
  var table: TextTable {
    let metrics = Metric.standard.map(\.description).filter { name in methods.contains { $0.metrics[name] != nil } }
    var table = TextTable(
      [.init("method")] + metrics.map { .init($0, .trailing) }
        + [.init("coverage@10", .trailing), .init("s/100 users", .trailing), .init("tokens/user", .trailing)])
    for method in methods {
      table.add(
        [method.name]
          + metrics.map { name in
            method.metrics[name].map { Estimate(value: $0.value, low: $0.low, high: $0.high).text } ?? ""
          } + [
            method.coverage.rounded(to: 3), method.secondsPer100Users.significant(digits: 3),
            method.tokensPerUser.map { $0.rounded(to: 1) } ?? "",
          ])
    }
    return table
  }

  /// Each method against the baseline, and the others against each other.
  private var differenceTables: [PageTable] {
    guard let differences, !differences.isEmpty else { return [] }
    let metrics = Metric.standard.map(\.description).filter { name in
      differences.contains { $0.metrics[name] != nil }
    }
    var table = TextTable([.init("difference"), .init("to")] + metrics.map { .init($0, .trailing) })
    for difference in differences {
      table.add(
        [difference.method, difference.against]
          + metrics.map { name in
            difference.metrics[name].map { "\($0.estimate.signedText), p \($0.p.rounded(to: 3))" } ?? ""
          })
    }
    return [table.part]
  }

  var section: PageSection {
    let settings =
      [
        StudyResult.Setting("data", data), .init("part", part), .init("candidates", candidates),
        .init("users", "\(users)"), .init("bootstrap samples", "\(resamples)"),
      ] + methods.map { .init($0.name, $0.note + ($0.seeds.isEmpty ? "" : ", seeds \($0.seeds)")) }
    return PageSection(
      "Evaluation: \(part) items of \(data)", [table.part] + differenceTables + [StudyResult.settingsBlock(settings)])
  }
}
