// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Evaluation

struct NeighbourOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Nearest neighbours of an item that count.", valueName: "n"))
  var neighbours = ItemNeighbours.Settings().neighbours
  @Option(help: ArgumentHelp("Newest items of a history that count.", valueName: "n"))
  var neighbourHistory = ItemNeighbours.Settings().historyItems
  @Option(help: ArgumentHelp("Users added to the cosine's denominator.", valueName: "n"))
  var shrinkage = ItemNeighbours.Settings().shrinkage

  func check() throws {
    guard neighbours > 0, neighbourHistory > 0, shrinkage >= 0 else {
      throw ValidationError("--neighbours and --neighbour-history must be at least 1, --shrinkage not negative.")
    }
  }

  var settings: ItemNeighbours.Settings {
    var settings = ItemNeighbours.Settings()
    settings.neighbours = neighbours
    settings.historyItems = neighbourHistory
    settings.shrinkage = shrinkage
    return settings
  }
}
