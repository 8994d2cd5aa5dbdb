// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets
import Items
import Models

struct DemoCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract:
      "Draw a shop's catalog, learn its customers' tastes from the images, and recommend with the real services.",
    discussion: """
      Draws 400 product images, half of them of new products, and makes 1,500 shoppers with tastes (kinds of product in a \
      family of colours) and a small checkpoint, whose tower sees by fixed filters and whose LLM is random; trains it on \
      their purchases, as illmrec train does, for about half a minute on two CPUs; shows Hit@5 and NDCG@5 of the purchases that \
      were held back, of known and of new products, beside popularity and item-knn and fused with it; starts the three \
      services and the gateway with the trained checkpoint, encodes the images, publishes an index, recommends for some \
      shoppers and writes a page to look at.

      Training and comparison are commands of their own, and their lines are shown. The directory's files are made anew by \
      every run. The same seed makes the same shop and, on the same machine, the same checkpoint.

      Examples:
        illmrec demo
        illmrec demo --keep           leaves the services up, on their usual ports, to be called
        illmrec demo --no-training    serves the random checkpoint, in a few seconds

      Exit codes: 0 done; 1 failed; 64 wrong usage; 130 interrupted; 143 ended by SIGTERM.
      """)

  @Option(help: ArgumentHelp("Directory for everything the demo makes.", valueName: "dir"), transform: NonEmpty.text)
  var output = "illmrec-demo"
  @Option(help: "What decides the shop; the same seed makes the same one.")
  var seed: UInt64 = 1
  @Flag(help: "Leave the services up until Ctrl-C, on their usual ports.")
  var keep = false
  @Option(help: ArgumentHelp("Steps of the training.", valueName: "n"))
  var trainingSteps = DemoTraining.defaultSteps
  @Flag(name: .customLong("no-training"), help: "Serves the random checkpoint: the system at work, not good taste.")
  var omitsTraining = false

  func validate() throws {
    try StackVariables().check()
    guard (1...1_000_000).contains(trainingSteps) else {
      throw ValidationError("--training-steps is 1 to 1,000,000; or give --no-training.")
    }
  }

  func perform() async throws {
    try await Interruption.cancelling { try await demonstrate() }
  }

  private func demonstrate() async throws {
    let start = ContinuousClock.now
    let files = DemoFiles(directory: output)
    // What stands in the way is said before anything is written, and long before the services are to start.
    let state = try StateDirectory(files.state, flag: "--output")
    try stack(files).checkProcesses()
    try OutputFile.requireWritable(files.page)
    let catalog = DemoCatalog(seed: seed)
    try await draw(catalog, into: files)
    if !omitsTraining { try await train(files) }
    try await ServiceStack.run(stack(files), state: state, report: display.show) { endpoints in
      guard let gateway = endpoints.gateway else { throw CLIError(.process, "the gateway was not started") }
      let demo = DemoRun(
        catalog: catalog, files: files, gateway: gateway, encoder: endpoints.encoder, retrieval: endpoints.retrieval,
        isTrained: !omitsTraining)
      try await demo.run()
      Self.showResult(demo, after: start.duration(to: .now))
      guard keep else { return }
      display.showServing(endpoints)
      await untilInterrupted()
    }
    if !keep { Self.showNextSteps(files, checkpoint: servedCheckpoint(files)) }
  }

  private var display: StackDisplay { StackDisplay(terminal: .standardError) }

  private func servedCheckpoint(_ files: DemoFiles) -> String { omitsTraining ? files.checkpoint : files.trained }

  private func stack(_ files: DemoFiles) -> StackConfiguration {
    var stack = StackConfiguration(checkpoint: servedCheckpoint(files), state: files.state)
    stack.modelName = omitsTraining ? "demo-random" : "demo"
    stack.logLevel = "warning"
    stack.portRemedy = { _ in "leave --keep out, which takes any free ports" }
    return keep ? stack : stack.onFreePorts()
  }

  private func draw(_ catalog: DemoCatalog, into files: DemoFiles) async throws {
    let terminal = Terminal.standardError
    terminal.writeLine("Drawing a shop of \(catalog.products.count) products into \(output)/")
    try await files.write(catalog)
    terminal.writeLine("Making a small random checkpoint")
    try SyntheticCheckpoint.write(
      to: files.checkpoint, seed: seed, text: catalog.products.map(\.item.texts.title))
    try Task.checkCancellation()
  }

  private func train(_ files: DemoFiles) async throws {
    let comparison = try await DemoTraining(files: files, seed: seed, steps: trainingSteps).run()
    let terminal = Terminal.standardOutput
    terminal.writeLine()
    terminal.writeLine(comparison.summary + ":")
    DemoTraining.table(comparison).write(to: terminal)
    terminal.writeLine()
  }

  private static func showResult(_ demo: DemoRun, after duration: Duration) {
    let terminal = Terminal.standardOutput
    terminal.writeLine()
    terminal.writeLine("Done in \(duration.brief). Look at " + terminal.styled(demo.files.page, .bold))
    terminal.writeLine(demo.notice)
  }

  private static func showNextSteps(_ files: DemoFiles, checkpoint: String) {
    let illmrec = CommandLine.arguments[0]
    Terminal.standardOutput.writeLine(
      """

      Next:
        \(illmrec) up --checkpoint \(checkpoint) --state \(files.state)
      and, in another terminal:
        \(illmrec) recommend --user user7 --interactions \(files.interactions)
        \(illmrec) recommend --image \(files.images)/p0001.jpg --title "something new"
        \(illmrec) index list
      """)
  }
}
