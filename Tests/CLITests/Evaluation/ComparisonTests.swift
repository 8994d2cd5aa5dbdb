// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Foundation
import Models
import Testing

@testable import CLI

@Suite("Methods are compared in tables, pages and JSON") struct ComparisonTests {
  private static func comparison() throws -> Comparison {
    let dataset = Dataset(
      items: (0..<30).map { Dataset.Item(id: "i\($0)") },
      users: (0..<8).map { user in
        Dataset.User(
          id: user == 0 ? "a,\"b\"" : "u\(user)", items: [user, user + 1, user + 2], negatives: Array(12..<30))
      })
    let task = try RankingTask(dataset: dataset, part: .test, candidates: .negatives)
    return Comparison(
      data: "data/", task: task,
      reports: [
        MethodReport(name: "popularity", note: "counts", results: [try task.rank(with: Popularity(dataset: dataset))]),
        MethodReport(
          name: "random", note: "seeded", seeds: [1, 2],
          results: try [1, 2].map { try task.rank(with: RandomOrder(seed: $0)) }),
      ], baseline: 0, bootstrap: Bootstrap(resamples: 20))
  }

  @Test func `Tables hold every method and metric`() throws {
    let comparison = try Self.comparison()
    #expect(comparison.summary == "8 users, test item among 18 negatives")
    #expect(comparison.table.columns.count == 1 + Metric.standard.count + 2)
    #expect(comparison.table.columns.last?.header == "s/100 users")
    #expect(comparison.table.rows.map { $0[0] } == ["popularity", "random"])
    #expect(comparison.differences.rows.map { $0[0] } == ["random"])
    #expect(comparison.notes.count == 4 && comparison.notes[2].hasPrefix("  seed 1: Hit@5 "))
  }

  /// Popularity with prompts of ten tokens.
  private struct Prompted: RankingMethod {
    let name: String
    let popularity: Popularity
    func scores(of queries: [RankingQuery]) -> [[Float]] { popularity.scores(of: queries) }
    func promptTokens(of queries: [RankingQuery]) -> [Int]? { queries.map { _ in 10 } }
  }

  @Test func `Prompts are measured where there are some`() throws {
    let plain = try Self.comparison()
    #expect(!plain.differences.columns.map(\.header).contains("speed"))
    let popularity = Popularity(dataset: plain.task.dataset)
    let prompted = try ["image:img", "compact:img"].map { name in
      MethodReport(
        name: name, results: [try plain.task.rank(with: Prompted(name: name, popularity: popularity))])
    }
    let comparison = Comparison(
      data: "data/", task: plain.task, reports: prompted + plain.reports, baseline: 0, bootstrap: plain.bootstrap)
    #expect(comparison.table.columns.last?.header == "tokens/user")
    #expect(comparison.table.rows.map { $0[$0.count - 1] } == ["10.0", "10.0", "", ""])
    #expect(comparison.differences.columns.last?.header == "speed")
    #expect(comparison.differences.rows.map { $0[$0.count - 1].hasSuffix("x") } == [true, false, false])
    #expect(try comparison.json().contains("\"tokens_per_user\": 10"))
  }

  @Test func `Ranks are written for each user, method and seed`() throws {
    let lines = String(decoding: try Self.comparison().rankFile, as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 1 + 8 * 3)
    #expect(lines[0] == "user,method,seed,better,ties,position")
    #expect(lines[1].hasPrefix("\"a,\"\"b\"\"\",popularity,,"))
    #expect(lines[9].hasPrefix("\"a,\"\"b\"\"\",random,1,"))
  }

  @Test func `Generated titles are written beside the held-out item's`() throws {
    var comparison = try Self.comparison()
    comparison.generatedTitles = [0: "a \"red\" lamp, new", 1: "=1+1"]
    let lines = String(decoding: comparison.generatedFile, as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 1 + 8 && lines[0] == "user,item,title,generated")
    #expect(lines[1] == "\"a,\"\"b\"\"\",i2,,\"a \"\"red\"\" lamp, new\"")
    #expect(lines[2] == "u1,i3,,'=1+1" && lines[3] == "u2,i4,,")
  }

  @Test func `JSON holds figures with intervals`() throws {
    let comparison = try Self.comparison()
    let json = try JSONSerialization.jsonObject(with: Data(comparison.json().utf8)) as? [String: Any]
    let methods = try #require(json?["methods"] as? [[String: Any]])
    let metrics = try #require(methods[1]["metrics"] as? [String: [String: Double]])
    let hit = try #require(metrics["Hit@5"])
    #expect(hit["value"] == comparison.reports[1].values(of: .hit(5)).mean)
    #expect(hit["low"]! <= hit["value"]! && hit["value"]! <= hit["high"]!)
    #expect((methods[1]["metrics_by_seed"] as? [Any])?.count == 2)
  }

  @Test func `JSON holds every difference once`() throws {
    let plain = try Self.comparison()
    let third = MethodReport(name: "third", results: plain.reports[1].results)
    let comparison = Comparison(
      data: "data/", task: plain.task, reports: plain.reports + [third], baseline: 1, bootstrap: plain.bootstrap)
    let differences = comparison.methodDifferences
    #expect(
      differences.map { [$0.method, $0.against] } == [
        ["popularity", "random"], ["third", "random"], ["third", "popularity"],
      ])
    #expect(differences[1].metrics["MRR"].map { [$0.value, $0.low, $0.high, $0.p] } == [0, 0, 0, 1])
    // As the table has it.
    let hit = try #require(differences[0].metrics["Hit@5"])
    let row = comparison.differences.rows[0]
    #expect(row[0] == "popularity" && row[1] == hit.estimate.signedText && row[3] == hit.p.rounded(to: 3))
    #expect(differences[0].metrics.count == Metric.standard.count)
    let json = try JSONSerialization.jsonObject(with: Data(comparison.json().utf8)) as? [String: Any]
    #expect(json?["baseline"] as? String == "random")
    #expect((json?["differences"] as? [Any])?.count == 3)
    let alone = Comparison(
      data: "", task: plain.task, reports: [third], baseline: 0, bootstrap: plain.bootstrap)
    #expect(alone.methodDifferences.isEmpty)
  }

  @Test func `The page escapes what it shows`() throws {
    let page = String(decoding: try Self.comparison().page, as: UTF8.self)
    #expect(page.contains("<td>popularity</td>") && page.contains("Evaluation of data/"))
  }

  @Test(arguments: [
    ("popularity", MethodName.popularity), ("item-knn", .itemNeighbours), ("img", .checkpoint(spaces: [.image])),
    ("text+img", .checkpoint(spaces: [.image, .text])), ("image+cf+text", .checkpoint(spaces: [.image, .cf, .text])),
    ("compact:img", .checkpoint(name: "compact", spaces: [.image])), ("text-knn", .contentNeighbours(.text)),
    ("sasrec+img+text", .fused([.sasrec, .checkpoint(spaces: [.image, .text])])),
    (
      "a:text+img+b:img",
      .fused([.checkpoint(name: "a", spaces: [.image, .text]), .checkpoint(name: "b", spaces: [.image])])
    ),
    ("item-knn+text-knn", .fused([.itemNeighbours, .contentNeighbours(.text)])), ("generation", .generation),
    ("yes-no", .pairAnswers), ("sasrec+yes-no", .fused([.sasrec, .pairAnswers])),
    ("item-knn+generation+img", .fused([.itemNeighbours, .generation, .checkpoint(spaces: [.image])])),
  ]) func `Methods have names`(text: String, name: MethodName) {
    #expect(MethodName(argument: text) == name)
    #expect(MethodName(argument: name.text) == name)
  }

  @Test(arguments: [
    "", "img+img", "cf+", "knn", ":img", "a:", "a:sasrec", "sasrec+sasrec", "services+img", "img-knn+", "+sasrec",
    "a:generation", "generation+generation",
  ]) func `Other names are refused`(text: String) {
    #expect(MethodName(argument: text) == nil)
  }

  @Test func `Methods are compared by how often the held-out item was met, in tables and JSON`() throws {
    var comparison = try Self.comparison()
    #expect(!(try comparison.json().contains("by_popularity")))
    comparison.bands = PopularityBand.all(of: comparison.task)
    // The test items are 2 to 9; of 2 to 7, each is in the training sequence of one user, its first item.
    #expect(comparison.bands.map(Comparison.title(of:)) == ["0 (2 users)", "1 to 5 (6 users)"])
    let table = comparison.table(by: .hit(5))
    #expect(table.columns.map(\.header) == ["Hit@5, met in training", "0 (2 users)", "1 to 5 (6 users)"])
    #expect(table.rows.map { $0[0] } == ["popularity", "random"])
    let json = try JSONSerialization.jsonObject(with: Data(comparison.json().utf8)) as? [String: Any]
    let bands = try #require(json?["by_popularity"] as? [[String: Any]])
    #expect(bands.map { $0["users"] as? Int } == [2, 6])
    let cold = try #require(bands[0]["methods"] as? [String: [String: [String: Double]]])
    #expect(Set(cold.keys) == ["popularity", "random"] && cold["random"]?["NDCG@5"]?["low"] != nil)
    #expect(String(decoding: comparison.page, as: UTF8.self).contains("1 to 5 (6 users)"))
  }

  @Test func `Small times keep their digits`() {
    #expect(0.0021345.significant(digits: 3) == "0.00213")
    #expect(12.13.significant(digits: 3) == "12.1")
    #expect(1234.5.significant(digits: 3) == "1235")
    #expect(0.0.significant(digits: 3) == "0")
  }
}
