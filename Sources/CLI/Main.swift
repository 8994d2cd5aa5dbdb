import ArgumentParser
import ServiceSupport

@main
struct IllmrecCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: Product.name,
    abstract: "Recommends items from their images with a large language model.",
    discussion: """
      Try it:
        illmrec demo                                           shows the whole way on a drawn catalog
        illmrec model inspect CHECKPOINT                       says what a checkpoint is and what is wrong with it
        illmrec up --checkpoint CHECKPOINT --state STATE       runs the three services and the gateway
        illmrec verify GOLDEN                                  compares them with the reference framework
        illmrec help COMMAND                                   says more about a command
      """,
    version: Product.version,
    subcommands: [
      DemoCommand.self, UpCommand.self, GatewayCommand.self, CatalogCommand.self, IndexCommand.self,
      RecommendCommand.self, ModelCommand.self, VerifyCommand.self,
    ])
}
