// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// How the services call the items of a dataset.
enum ItemNaming: String, Sendable, CaseIterable, ExpressibleByArgument {
  /// By the ids of the source that the dataset was prepared from.
  case source
  /// By their numbers, as meta_info.json has them.
  case numbers
}

/// Flags of the method `services`.
struct EvaluatedServicesOptions: ParsableArguments {
  @OptionGroup var encoder: EncoderTarget
  @OptionGroup var llm: LLMTarget
  @OptionGroup var retrieval: RetrievalTarget
  @Option(
    name: .customLong("index"),
    help: IndexName.help(
      "The index to search, in its stable version, or one version of it, such as default/versions/2."),
    transform: NonEmpty.text)
  var givenIndex: String?
  @Option(
    help: ArgumentHelp(
      "How the services call the items: source, by the ids of what the data was prepared from, or numbers, as meta_info.json "
        + "does.", valueName: "names"))
  var itemIds = ItemNaming.source
  @Flag(help: "Go on without items that the services lack: they are in no history and named for nobody.")
  var leaveOutMissing = false
  @Option(help: ArgumentHelp("Users of one request.", valueName: "n"))
  var usersPerRequest = 8
  @Option(help: ArgumentHelp("Requests under way at the same time.", valueName: "n"))
  var requestsAtOnce = 4

  var index: String { IndexName.chosen(givenIndex) ?? IndexName.byDefault }

  func check() throws {
    try IndexName.check(givenIndex)
    guard (1...4096).contains(usersPerRequest), (1...256).contains(requestsAtOnce) else {
      throw ValidationError("--users-per-request must be 1 to 4,096, --requests-at-once 1 to 256.")
    }
  }
}
