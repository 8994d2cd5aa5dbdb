// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Models

/// A method as the user names it.
enum MethodName: Hashable, Sendable, ExpressibleByArgument {
  case popularity
  case random
  case itemNeighbours
  case sasrec
  /// Whatever running services recommend.
  case services
  /// A checkpoint by its name, or the only one, in these spaces: `compact:img+cf`.
  case checkpoint(name: String? = nil, spaces: [Space])

  init?(argument: String) {
    switch argument {
    case "popularity": self = .popularity
    case "random": self = .random
    case "item-knn": self = .itemNeighbours
    case "sasrec": self = .sasrec
    case "services": self = .services
    default:
      let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard let list = parts.last, parts.count == 1 || !parts[0].isEmpty else { return nil }
      let names = list.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
      let spaces = names.compactMap { name in Space.allCases.first { name == $0.checkpointName || name == "\($0)" } }
      guard spaces.count == names.count, Set(spaces).count == spaces.count else { return nil }
      self = .checkpoint(name: parts.count == 2 ? parts[0] : nil, spaces: spaces.sorted())
    }
  }

  /// Whether chance has a part in it.
  var takesSeeds: Bool { self == .random || self == .sasrec }

  var spaces: [Space]? {
    guard case .checkpoint(_, let spaces) = self else { return nil }
    return spaces
  }

  var defaultValueDescription: String { text }

  /// As tables show it.
  var text: String {
    switch self {
    case .popularity: "popularity"
    case .random: "random"
    case .itemNeighbours: "item-knn"
    case .sasrec: "sasrec"
    case .services: "services"
    case .checkpoint(let name, let spaces):
      (name.map { "\($0):" } ?? "") + spaces.map(\.checkpointName).joined(separator: "+")
    }
  }
}

/// What is given as a list with commas between.
struct CommaList<Element: ExpressibleByArgument & Sendable>: ExpressibleByArgument, Sendable {
  let elements: [Element]

  init(_ elements: [Element]) { self.elements = elements }

  init?(argument: String) {
    let texts = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    elements = texts.compactMap { Element(argument: $0) }
    guard elements.count == texts.count else { return nil }
  }

  /// As it would be given, which is how `--help` shows it.
  var defaultValueDescription: String { elements.map(\.defaultValueDescription).joined(separator: ",") }
}
