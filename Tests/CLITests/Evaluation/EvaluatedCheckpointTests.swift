// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Models
import Testing

@testable import CLI

@Suite("A checkpoint to evaluate is named by its flags")
struct EvaluatedCheckpointTests {
  private func command(_ arguments: String) throws -> EvaluateCommand {
    let parsed = try EvaluateCommand.parseAsRoot(["data/"] + arguments.split(separator: " ").map(String.init))
    return try #require(parsed as? EvaluateCommand)
  }

  private static let several = "--checkpoint image=a --checkpoint compact=b/c=d"

  @Test func `A method without a name is one of each checkpoint`() throws {
    let command = try command("--methods popularity,img \(Self.several) --prompts compact=image")
    let methods = command.checkpoint.expanded(command.methods.elements)
    #expect(methods.map(\.text) == ["popularity", "image:img", "compact:img"])
    let plans = command.checkpoint.plans
    #expect(plans.map(\.name) == ["image", "compact"] && plans.map(\.location.directory) == ["a", "b/c=d"])
    #expect(plans.map(\.promptStyle) == [nil, .image])
  }

  @Test func `A fusion of what names no checkpoint is one of each`() throws {
    let command = try command("--methods item-knn+img,sasrec+compact:img --fit-weights --by-popularity \(Self.several)")
    let plan = command.plan
    #expect(plan.methods.map(\.text) == ["item-knn+image:img", "item-knn+compact:img", "sasrec+compact:img"])
    #expect(plan.fitsWeights && plan.comparesBands)
    #expect(plan.methods.map(\.takesSeeds) == [false, false, true])
  }

  @Test func `One checkpoint needs no name`() throws {
    let command = try command("--methods img --checkpoint a/b=c --prompts descriptions")
    #expect(command.checkpoint.expanded(command.methods.elements).map(\.text) == ["img"])
    #expect(command.checkpoint.plans.map(\.location.directory) == ["a/b=c"])
    #expect(command.checkpoint.plans.map(\.promptStyle) == [.descriptions])
  }

  @Test(arguments: [
    ("--methods img", "--checkpoint is needed"),
    ("--methods img --checkpoint a --checkpoint b", "a name of its own"),
    ("--methods img --checkpoint x=a --checkpoint x=b", "a name of its own"),
    ("--methods other:img \(several)", "other names no checkpoint"),
    ("--methods img \(several) --prompts other=image", "other names no checkpoint"),
    ("--methods img \(several) --prompts image=compact --prompts image=image", "--prompts once"),
    ("--methods img,image:img \(several)", "each method once"),
    ("--methods img \(several) --baseline img", "image:img"),
    ("--methods image:img \(several) --baseline compact:img", "none of --methods"),
    ("--methods item-knn+img", "--checkpoint is needed"),
    ("--methods item-knn+other:img \(several)", "other names no checkpoint"),
    ("--methods text-knn", "--features text=FILE"), ("--methods item-knn+text-knn", "--features text=FILE"),
    ("--methods img-knn", "--features img=FILE"), ("--methods item-knn --fit-weights", "names none"),
  ])
  func `What does not go together is said`(arguments: String, problem: String) throws {
    let error = #expect(throws: (any Error).self) { try command(arguments) }
    let message = error.map { EvaluateCommand.message(for: $0) } ?? ""
    #expect(message.contains(problem), "\(message)")
  }

  @Test func `Help shows defaults as they are given`() {
    let help = EvaluateCommand.helpMessage(columns: 200) + DescriptionNoiseStudyCommand.helpMessage(columns: 200)
    #expect(help.contains("(default: popularity,random,item-knn)"))
    #expect(help.contains("(default: img)") && help.contains("(default: 0.0,0.1,0.2,0.3,0.5,0.7,0.9)"))
    #expect(!help.contains("CommaList"))
  }
}
