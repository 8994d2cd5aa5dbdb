// SPDX-License-Identifier: Apache-2.0

import Evaluation
import Foundation
import Pages
import ServiceAPI
import SwiftProtobuf
import TestSupport
import Training

@testable import CLI
@testable import Datasets

/// Every page of the command, with one text wherever a page shows what comes from elsewhere.
enum SamplePages {
  static func all(_ text: String) throws -> [String: String] {
    [
      "recommend": recommendation(text).html, "rollout": rollout(text, readings: 3).html,
      "report": String(decoding: try report(text), as: UTF8.self),
      "statistics": statistics(text), "evaluation": String(decoding: try evaluation(text), as: UTF8.self),
      "losses": try losses(),
    ]
  }

  static func recommendation(_ text: String) -> RecommendationPage {
    let card = RecommendationPage.Card(title: text, caption: text, image: "data:image/png;base64,AA==")
    return RecommendationPage(
      heading: text, notice: text,
      sections: [
        .init(
          user: text, note: text, history: [card],
          recommended: [card, .init(title: text, caption: text, score: 0.5, mark: text, image: nil)]),
        .init(user: text, note: text, problem: text, history: [], recommended: []),
      ],
      response: .with {
        $0.timings.totalMicros = 10
        $0.timings.itemsMicros = 5
        for path in [\Recommender_RecommendResponse.encoderModel, \.llmModel] {
          $0[keyPath: path] = .with {
            ($0.name, $0.version, $0.fingerprint, $0.spaceFingerprint) = (text, text, text, text)
          }
        }
        ($0.servedBy.index, $0.servedBy.version, $0.servedBy.fingerprint) = (text, text, text)
      })
  }

  static func rollout(_ text: String, readings: Int) -> RolloutPage {
    RolloutPage(
      index: text,
      report: .with {
        $0.rollout = .with {
          ($0.number, $0.candidateVersion, $0.baselineVersion) = (3, text, text)
          ($0.reason, $0.phase) = (text, .rolledBack)
          $0.startTime.seconds = 1_795_984_811
          $0.plan.stages = [.with { $0.canaryPermille = 15 }, .with { $0.canaryPermille = 500 }]
          $0.plan.gates.outcomes = [.with { $0.kind = text }]
        }
        $0.points = (0..<readings).map { point($0, of: readings, text) }
      },
      trail: [
        .with {
          ($0.number, $0.kind, $0.time.seconds) = (7, .rolloutPaused, 1_795_984_812)
          ($0.version, $0.actor, $0.reason, $0.detail) = (text, text, text, text)
        }
      ])
  }

  private static func point(_ second: Int, of readings: Int, _ text: String) -> Retrieval_RolloutPoint {
    .with {
      $0.time.seconds = 1_795_984_811 + Int64(second)
      ($0.stage, $0.canaryPermille) = second + 1 < readings ? (0, 15) : (1, 500)
      ($0.compared, $0.meanOverlap) = (UInt64(second), 0.25)
      ($0.baseline.p99Micros, $0.candidate.p99Micros) = (1200, 1300)
      $0.candidate.failures = [text: 1]
      $0.outcomes = [.with { ($0.kind, $0.lower, $0.upper) = (text, -0.5, 0.5) }]
      $0.gates = [
        .with {
          ($0.kind, $0.verdict, $0.value, $0.lower, $0.upper) = (.errors, .open, 0.02, 0.01, 0.5)
          ($0.bound, $0.samples) = (0.1, 40)
        }, .with { ($0.kind, $0.outcomeKind, $0.bound, $0.lower, $0.upper) = (.outcome, text, -0.01, -1, 1) },
      ]
    }
  }

  private static func report(_ text: String) throws -> Data {
    func study(_ labels: [String]?) -> StudyResult {
      StudyResult(
        study: text, axis: .init(text, unit: text, labels: labels),
        series: [
          .init(
            name: text, metric: text,
            points: [0, 1].map { .init(x: $0, Estimate(value: 0.4, low: 0.3, high: 0.5)) })
        ], settings: [.init(text, text)], data: text)
    }
    let directory = try TemporaryDirectory()
    let path = directory.path + "/result.json"
    let figure: [String: Any] = ["value": 0.1, "low": 0.05, "high": 0.15, "p": 0.004]
    let method: [String: Any] = [
      "name": text, "note": text, "seeds": [Int](), "metrics": ["Hit@5": figure], "coverage": 0.5,
      "seconds_per_100_users": 1,
    ]
    let document: [String: Any] = [
      "data": text, "part": text, "candidates": text, "users": 3, "resamples": 10, "methods": [method],
      "differences": [["method": text, "against": text, "metrics": ["Hit@5": figure]]],
    ]
    try JSONSerialization.data(withJSONObject: document).write(to: URL(fileURLWithPath: path))
    return ReportPage(
      results: [.study(study(nil)), .study(study([text, text])), try ReportSource(path: path)]
    ).data
  }

  private static func statistics(_ text: String) -> String {
    let dataset = Dataset(
      items: (0..<3).map { Dataset.Item(id: "i\($0)") }, users: [.init(id: "a", items: [0, 1, 2], negatives: [])])
    var record = DatasetRecord()
    (record.source, record.split, record.negatives, record.steps) = (text, text, text, [text])
    return StatisticsReport(DatasetStatistics(dataset)).page(of: text, record: record)
  }

  private static func evaluation(_ text: String) throws -> Data {
    var table = TextTable([.init(text), .init(text)])
    table.add([text, text])
    return Data(
      HTMLPage(
        heading: text, introduction: [PageParagraph("notice", text)],
        content: [PageSection([table.part]), PageSection([PageParagraph("note", text)])]
      ).html.utf8)
  }

  private static func losses() throws -> String {
    let directory = try TemporaryDirectory()
    let run = RunDirectory(directory.path)
    try OutputFile.write(
      Data("step,loss,ire,ila,gradient_norm,seconds\n1,3,3,0,1,1\n2,1,1,0,1,61\n".utf8), to: run.losses)
    try OutputFile.write(Data("step,hit@5,ndcg@5,seconds\n1,0.25,0.125,1\n2,0.5,0.25,2\n".utf8), to: run.validations)
    try LossPage(run).write()
    return String(decoding: try Data(contentsOf: URL(fileURLWithPath: run.chart)), as: UTF8.self)
  }
}
