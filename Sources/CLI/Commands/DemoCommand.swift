import ArgumentParser
import Datasets
import Models

struct DemoCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Draw a shop's catalog and recommend from its images, with the real services.",
    discussion: """
      Draws 300 product images, makes 40 shoppers with tastes and a small random checkpoint, starts the three services \
      and the gateway, encodes the images, publishes an index, recommends for some shoppers and writes a page to look at.

      The checkpoint is not trained: everything is computed as for a real one, but the recommendations reflect random \
      weights, not taste.

      Example:
        illmrec demo --keep      leaves the services up, on their usual ports, to be called
      """)

  @Option(help: ArgumentHelp("Directory for everything the demo makes.", valueName: "dir"))
  var output = "illmrec-demo"
  @Option(help: "What decides the shop; the same seed makes the same one.")
  var seed: UInt64 = 1
  @Flag(help: "Leave the services up until Ctrl-C, on their usual ports.")
  var keep = false

  func perform() async throws {
    let start = ContinuousClock.now
    let terminal = Terminal.standardError
    let catalog = DemoCatalog(seed: seed)
    let files = DemoFiles(directory: output)
    terminal.writeLine("Drawing a shop of \(catalog.products.count) products into \(output)/")
    try await files.write(catalog)
    terminal.writeLine("Making a small random checkpoint (untrained: it shows the system, not good taste)")
    try SyntheticCheckpoint.write(
      to: files.checkpoint, seed: seed, text: catalog.products.map(\.item.title))
    var stack = StackConfiguration(checkpoint: files.checkpoint, state: files.state)
    stack.modelName = "demo-random"
    stack.logLevel = "warning"
    let display = StackDisplay(terminal: terminal)
    let (configuration, keep) = (keep ? stack : stack.onFreePorts(), keep)
    try await Interruption.cancelling {
      try await ServiceStack.run(configuration, report: display.show) { endpoints in
        guard let gateway = endpoints.gateway else { throw CLIError(.process, "the gateway was not started") }
        try await DemoRun(
          catalog: catalog, files: files, gateway: gateway, encoder: endpoints.encoder, retrieval: endpoints.retrieval
        ).run()
        Self.showResult(files, after: start.duration(to: .now))
        guard keep else { return }
        display.showServing(endpoints)
        try? await Task.sleep(for: .seconds(Int64.max >> 32))
      }
    }
    if !keep { Self.showNextSteps(files) }
  }

  private static func showResult(_ files: DemoFiles, after duration: Duration) {
    let terminal = Terminal.standardOutput
    terminal.writeLine()
    terminal.writeLine("Done in \(duration.brief). Look at " + terminal.styled(files.page, .bold))
    terminal.writeLine(DemoRun.notice)
  }

  private static func showNextSteps(_ files: DemoFiles) {
    let illmrec = CommandLine.arguments[0]
    Terminal.standardOutput.writeLine(
      """

      Next:
        \(illmrec) up --checkpoint \(files.checkpoint) --state \(files.state)
      and, in another terminal:
        \(illmrec) recommend --user user7 --interactions \(files.interactions)
        \(illmrec) recommend --image \(files.images)/p0001.jpg --title "something new"
        \(illmrec) index list
      """)
  }
}
