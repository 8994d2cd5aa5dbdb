// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Foundation
import Items
import Pages

extension Comparison {
  /// user,method,seed,better,ties,position: one line for each user, method and seed.
  var rankFile: Data {
    var lines = ["user,method,seed,better,ties,position"]
    for (origin, result) in resultsBySeed {
      for (user, rank) in zip(task.users, result.ranks) {
        let id = CSVText.field(task.dataset.users[user].id)
        lines.append("\(id),\(origin),\(rank.better),\(rank.ties),\(rank.position)")
      }
    }
    return Data((lines.joined(separator: "\n") + "\n").utf8)
  }

  /// user,method,seed,item,score,target: one line for each user, method, seed and candidate. The score has the digits that tell it
  /// from every other 32-bit float.
  var scoreFile: Data {
    var text = "user,method,seed,item,score,target\n"
    for (origin, result) in resultsBySeed {
      for (user, scores) in zip(task.users, result.scores ?? []) {
        let id = CSVText.field(task.dataset.users[user].id)
        for (place, (item, score)) in zip(task.query(of: user).candidates, scores).enumerated() {
          let name = CSVText.field(task.dataset.items[item].id)
          text += "\(id),\(origin),\(name),\(score),\(place == 0 ? 1 : 0)\n"
        }
      }
    }
    return Data(text.utf8)
  }

  /// user,item,title,generated: one line for each user, with the held-out item and what was written in its title's place.
  var generatedFile: Data {
    var text = "user,item,title,generated\n"
    for user in task.users {
      let item = task.dataset.items[task.query(of: user).candidates[0]]
      let fields = [task.dataset.users[user].id, item.id, item.texts.title, generatedTitles[user] ?? ""]
      text += fields.map(CSVText.field).joined(separator: ",") + "\n"
    }
    return Data(text.utf8)
  }

  /// Each result with its fields method and seed, which is empty for a method without chance.
  private var resultsBySeed: [(origin: String, result: RankingResult)] {
    reports.flatMap { report in
      report.results.enumerated().map { index, result in
        (origin: "\(report.name),\(report.seeds.isEmpty ? "" : "\(report.seeds[index])")", result: result)
      }
    }
  }

  /// The tables as a page of its own.
  var page: Data {
    let introduction =
      "\(summary). Means over users ± half the 95% interval of \(bootstrap.resamples.grouped) bootstrap samples."
    let others = reports.count > 1 ? [PageSection([differences.part])] : []
    return Data(
      HTMLPage(
        heading: "Evaluation of \(data)", introduction: [PageParagraph("notice", introduction)],
        content: [PageSection([table.part])] + others + bandSections + [
          PageSection(notes.map { PageParagraph("note", $0) })
        ]
      ).html.utf8)
  }

  private var bandSections: [PageSection] {
    bands.isEmpty ? [] : [PageSection(Self.comparedMetrics.map { table(by: $0).part })]
  }

  func json() throws -> String {
    struct Figure: Encodable {
      let value: Double
      let low: Double
      let high: Double

      init(_ estimate: Estimate) { (value, low, high) = (estimate.value, estimate.low, estimate.high) }
    }
    struct Method: Encodable {
      let name: String
      let note: String
      let seeds: [UInt64]
      let metrics: [String: Figure]
      let metricsBySeed: [[String: Double]]
      let coverage: Double
      let secondsPer100Users: Double
      let tokensPerUser: Double?

      private enum CodingKeys: String, CodingKey {
        case name, note, seeds, metrics, metricsBySeed, coverage, tokensPerUser
        // The encoder would write "per100".
        case secondsPer100Users = "seconds_per_100_users"
      }
    }
    struct Band: Encodable {
      let interactions: String
      let users: Int
      let methods: [String: [String: Figure]]
    }
    struct Document: Encodable {
      let data: String
      let part: String
      let candidates: String
      let users: Int
      let resamples: Int
      let methods: [Method]
      let byPopularity: [Band]?
      let baseline: String
      let differences: [MethodDifference]
    }
    let methods = reports.map { report in
      let estimates = report.estimates(of: Self.metrics, bootstrap).map(Figure.init)
      return Method(
        name: report.name, note: report.note, seeds: report.seeds,
        metrics: Dictionary(uniqueKeysWithValues: zip(Self.metrics.map(\.description), estimates)),
        metricsBySeed: report.results.map { result in
          Dictionary(uniqueKeysWithValues: Self.metrics.map { ($0.description, $0.mean(over: result.ranks)) })
        }, coverage: report.coverage, secondsPer100Users: report.secondsPer100Users,
        tokensPerUser: report.tokensPerUser)
    }
    let byPopularity = bands.map { band in
      Band(
        interactions: band.text, users: band.places.count,
        methods: Dictionary(
          uniqueKeysWithValues: reports.map { report in
            let estimates = report.estimates(of: Self.comparedMetrics, in: band, bootstrap).map(Figure.init)
            return (
              report.name, Dictionary(uniqueKeysWithValues: zip(Self.comparedMetrics.map(\.description), estimates))
            )
          }))
    }
    return try JSONOutput.text(
      Document(
        data: data, part: task.part.rawValue, candidates: task.candidates.rawValue, users: task.users.count,
        resamples: bootstrap.resamples, methods: methods, byPopularity: bands.isEmpty ? nil : byPopularity,
        baseline: reports[baseline].name,
        differences: methodDifferences))
  }
}

extension TextTable {
  /// The table within a page.
  var part: PageTable {
    PageTable(heads: columns.map(\.header), style: "figures", rows.map { .init(cells: $0) })
  }
}
