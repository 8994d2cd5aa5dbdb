// SPDX-License-Identifier: Apache-2.0

import Evaluation
import Foundation
import Pages
import Training

/// The curves of a run, as a page of its own.
struct LossPage {
  private let directory: RunDirectory

  init(_ directory: RunDirectory) { self.directory = directory }

  func charts() throws(CLIError) -> [LineChart] {
    let losses = try Table(directory.losses)
    let validations = try Table(directory.validations)
    var charts: [LineChart] = []
    if losses.rows.count > 1 {
      charts.append(
        losses.chart(
          "Losses by the time trained", [("loss", "loss", "s1"), ("IRE", "ire", "s2"), ("ILA", "ila", "s3")]))
      charts.append(losses.chart("Norm of all gradients", [("norm", "gradient_norm", "s5")]))
    }
    if validations.rows.count > 1 {
      charts.append(
        validations.chart("Validation items", [("Hit@5", "hit@5", "s1"), ("NDCG@5", "ndcg@5", "s2")]))
    }
    return charts
  }

  /// Every ranking of the validation items, in order.
  func validationResults() throws(CLIError) -> [ValidationResult] {
    let table = try Table(directory.validations)
    let columns = ["step", "hit@5", "ndcg@5"].map(table.values)
    return columns[0].indices.filter { place in columns.allSatisfy { place < $0.count } }.map { place in
      ValidationResult(step: Int(columns[0][place]), hit5: columns[1][place], ndcg5: columns[2][place])
    }
  }

  /// How far the run came; the loss is a mean over the last steps.
  struct LastStep {
    let step: Int
    /// Trained until then.
    let seconds: Double
    let loss: Double
    /// How many the loss is of.
    let steps: Int
  }

  /// Nil before the first step.
  func lastStep() throws(CLIError) -> LastStep? {
    let table = try Table(directory.losses)
    guard let step = table.values("step").last, let seconds = table.values("seconds").last else { return nil }
    let losses = table.values("loss").suffix(Self.lastSteps)
    return LastStep(step: Int(step), seconds: seconds, loss: Array(losses).mean, steps: losses.count)
  }

  private static let lastSteps = 50

  func write() throws {
    let charts = try charts()
    let steps = try Table(directory.losses).rows.count
    let parts: [any PagePart] =
      charts.isEmpty ? [PageParagraph("note", "Too few steps to draw.")] : charts.map(\.figure)
    let page = HTMLPage(
      heading: "Training", introduction: [PageParagraph("notice", "\(steps.counted("step")).")],
      content: [PageSection(parts)])
    try OutputFile.write(Data(page.html.utf8), to: directory.chart)
  }

  /// A CSV file of numbers.
  private struct Table {
    let columns: [String]
    private(set) var rows: [[Double]]

    /// Most points of a curve; of more, each point is a mean.
    private static let maxPoints = 400

    init(_ path: String) throws(CLIError) {
      let text = String(decoding: try InputFile.bytes(of: path, what: "a run's figures"), as: UTF8.self)
      let lines = text.split(separator: "\n")
      columns = lines.first?.split(separator: ",").map(String.init) ?? []
      let count = columns.count
      rows = lines.dropFirst().map { $0.split(separator: ",").compactMap { Double($0) } }.filter { $0.count == count }
    }

    func chart(_ title: String, _ lines: [(name: String, column: String, style: String)]) -> LineChart {
      LineChart(
        title: title, unit: "", times: means(of: "seconds"), stages: [],
        lines: lines.map { .init(name: $0.name, style: $0.style, values: means(of: $0.column)) })
    }

    /// A column; empty for one that is not there.
    func values(_ column: String) -> [Double] {
      columns.firstIndex(of: column).map { index in rows.map { $0[index] } } ?? []
    }

    private func means(of column: String) -> [Double] {
      guard let index = columns.firstIndex(of: column) else { return [] }
      let size = (rows.count + Self.maxPoints - 1) / Self.maxPoints
      return stride(from: 0, to: rows.count, by: size).map { start in
        let group = rows[start..<min(start + size, rows.count)]
        return group.reduce(0) { $0 + $1[index] } / Double(group.count)
      }
    }
  }
}
