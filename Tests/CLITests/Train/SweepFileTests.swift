// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Testing

@testable import CLI

@Suite("A sweep's file says what is trained") struct SweepFileTests {
  private func runs(_ json: String) throws(SweepFile.Problem) -> [SweepFile.Run] {
    try SweepFile(parsing: Array(json.utf8)).runs
  }

  @Test func `Named runs come first, then the grid in its order`() throws {
    let runs = try runs(
      """
      {"grid": [{"flag": "--learning-rate", "values": [0.001, 3e-05]}, {"flag": "--positions", "values": [true, false]},
                {"flag": "--lora", "values": [null, 8]}],
       "runs": [{"name": "as published"}, {"name": "rank 16", "flags": ["--lora", 16, "--loss", "joint-softmax"]}]}
      """)
    #expect(runs.count == 10)
    #expect(runs[0] == .init(name: "as published", flags: []))
    #expect(runs[1] == .init(name: "rank 16", flags: ["--lora", "16", "--loss", "joint-softmax"]))
    #expect(
      runs[2]
        == .init(
          name: "learning-rate=0.001,positions=true,lora=none", flags: ["--learning-rate", "0.001", "--positions"]))
    #expect(
      runs[5]
        == .init(
          name: "learning-rate=0.001,positions=false,lora=8", flags: ["--learning-rate", "0.001", "--lora", "8"]))
    #expect(runs[9].flags == ["--learning-rate", "3e-05", "--lora", "8"])
  }

  @Test(arguments: [
    ("{}", "neither"), ("[]", "an object of \"grid\" and \"runs\""), ("{\"runs\": {}}", "no list"),
    ("{\"run\": []}", "\"run\" in a sweep"), ("{\"runs\": []}", "no run"), ("{\"runs\": [{}]}", "without a \"name\""),
    ("{\"runs\": [{\"name\": \"../up\"}]}", "../up"), ("{\"runs\": [{\"name\": \".hidden\"}]}", ".hidden"),
    ("{\"runs\": [{\"name\": \"\"}]}", "called \"\""),
    ("{\"runs\": [{\"name\": \"a\"}, {\"name\": \"a\"}]}", "two runs called \"a\""),
    ("{\"runs\": [{\"name\": \"a\", \"flag\": []}]}", "\"flag\" in a run"),
    ("{\"runs\": [{\"name\": \"a\", \"flags\": [true]}]}", "neither a text nor a number"),
    ("{\"runs\": [{\"name\": \"a\", \"flags\": [\"--out=x\"]}]}", "--out=x"),
    ("{\"runs\": [{\"name\": \"a\", \"flags\": [\"--name\", \"x\"]}]}", "--name"),
    ("{\"runs\": [], \"runs\": []}", "twice"), ("{", "no JSON"),
    ("{\"grid\": [{\"values\": [1]}]}", "without a \"flag\""),
    ("{\"grid\": [{\"flag\": \"lora\", \"values\": [1]}]}", "without a \"flag\""),
    ("{\"grid\": [{\"flag\": \"--lora\"}]}", "no \"values\" of --lora"),
    ("{\"grid\": [{\"flag\": \"--lora\", \"values\": [[1]]}]}", "--lora"),
    ("{\"grid\": [{\"flag\": \"--features\", \"values\": [\"cf=a/b.npy\"]}]}", "features=cf=a/b.npy"),
    ("{\"grid\": [{\"flag\": \"--seed\", \"values\": [1, 1]}]}", "two runs called \"seed=1\""),
    ("{\"grid\": [{\"flag\": \"--seed\", \"values\": [9007199254740993]}]}", "write it as a text"),
    ("{\"runs\": [{\"name\": \"a\", \"flags\": [\"--seed\", -18446744073709551615]}]}", "write it as a text"),
    ("{\"runs\": [{\"name\": \"\(String(repeating: "a", count: 256))\"}]}", "at most 255"),
    ("{\"runs\": [{\"name\": \"sweep.csv\"}]}", "sweep.csv"),
    ("{\"runs\": [{\"name\": \"sweep.json\"}]}", "sweep.json"),
    (
      "{\"grid\": [{\"flag\": \"--seed\", \"values\": [1, 2]}, {\"flag\": \"--seed\", \"values\": [3]}]}",
      "--seed in two parts"
    ),
    ("{\"grid\": [{\"flag\": \"--resume\", \"values\": [true]}]}", "--resume"),
  ])
  func `What is no sweep is refused by what is wrong in it`(json: String, word: String) {
    let problem = #expect(throws: SweepFile.Problem.self) { try runs(json) }
    #expect(problem?.message.contains(word) ?? false, "\(problem?.message ?? "")")
  }

  @Test func `A grid of too many runs is refused before it is made`() {
    let values = (0..<100).map(String.init).joined(separator: ",")
    let axes = ["--seed", "--lora", "--epochs", "--steps", "--clip"].map {
      "{\"flag\": \"\($0)\", \"values\": [\(values)]}"
    }
    let problem = #expect(throws: SweepFile.Problem.self) { try runs("{\"grid\": [\(axes.joined(separator: ","))]}") }
    #expect(problem?.message.contains("1000") ?? false)
  }

  @Test(arguments: [
    (
      ["illmrec", "train", "--data", "d", "--sweep", "s.json", "--out", "o", "--lora", "8"],
      ["--data", "d", "--lora", "8"]
    ),
    (["illmrec", "--tls-ca", "train", "train", "--sweep=s", "--resume", "--data=d", "--out=o"], ["--data=d"]),
    (["illmrec", "--tls-ca=x", "train", "--data", "d"], ["--data", "d"]), (["illmrec", "train"], []), (["illmrec"], []),
  ])
  func `The flags that all runs have are those of the command without the sweep's own`(
    arguments: [String], expected: [String]
  ) {
    #expect(SweepArguments.common(of: arguments) == expected)
  }

  @Test(arguments: [
    (["--lora", "8"], ["--lora", "4"], ["--lora", "8", "--lora", "4"]),
    (
      ["--features", "img=a", "--features=cf=b", "--lora", "8"], ["--features", "cf=c"],
      ["--features", "img=a", "--lora", "8", "--features", "cf=c"]
    ),
    (
      ["--features", "img=a", "--space-dropout", "cf=0.1"], ["--features=img=c", "--space-dropout=cf=0.2"],
      ["--features=img=c", "--space-dropout=cf=0.2"]
    ),
    (["--features", "img=a"], ["--space-dropout", "img=0.5"], ["--features", "img=a", "--space-dropout", "img=0.5"]),
    (["--features"], ["--features", "img=a"], ["--features", "--features", "img=a"]),
  ])
  func `A run's own feature takes the place of the common one of its space`(
    common: [String], own: [String], expected: [String]
  ) {
    #expect(SweepArguments.flags(common, own) == expected)
  }

  @Test func `A run whose flags are wrong is named before any is trained`() throws {
    let problem = #expect(throws: CLIError.self) {
      try TrainingSweep(
        [.init(name: "good", flags: []), .init(name: "bad", flags: ["--lora", "0"])],
        common: ["--data", ".", "--checkpoint", "."], directory: "o", resumes: false)
    }
    #expect(problem?.message.contains("the run \"bad\": --lora is 1 to 1,024") ?? false, "\(problem?.message ?? "")")
  }

  // MARK: The ablation

  private func ablation(_ arguments: [String]) throws -> AblationStudyCommand {
    try AblationStudyCommand.parse(["data", "--checkpoint", "base", "--out", "out"] + arguments)
  }

  @Test func `An ablation adds a part of the method with each training`() throws {
    let study = try ablation(["--features", "text=t.npy", "--features", "cf=c.npy", "--features", "img=i.npy"])
    #expect(study.runs.map(\.name) == ["image", "image-ila", "image-ila-cf", "image-ila-cf-text"])
    let images = ["--features", "img=i.npy"]
    #expect(study.runs[0].flags == images + ["--no-questions"])
    #expect(study.runs[1].flags == images)
    #expect(study.runs[3].flags == images + ["--features", "cf=c.npy", "--features", "text=t.npy"])
    let arguments = study.evaluationArguments
    #expect(arguments.contains("image:img,image-ila:img,image-ila-cf:img+cf,image-ila-cf-text:img+cf+text"))
    #expect(arguments.contains("image-ila-cf=out/image-ila-cf/checkpoint"))
    _ = try EvaluateCommand.parse(arguments)
  }

  @Test func `Without questions nothing is aligned`() throws {
    let study = try ablation(["--features", "cf=c.npy", "--", "--no-questions", "--prompts", "compact"])
    #expect(study.runs.map(\.name) == ["image", "image-cf"])
    #expect(study.runs[0].flags.isEmpty)
    #expect(throws: (any Error).self) { try ablation(["--", "--no-questions"]) }
    #expect(throws: (any Error).self) { try ablation(["--", "--ila-weight", "0"]) }
    #expect(throws: (any Error).self) { try ablation(["--", "--out=x"]) }
  }
}
