import ArgumentParser
import Models

/// A method as the user names it.
enum MethodName: Hashable, Sendable, ExpressibleByArgument {
  case popularity
  case random
  case itemNeighbours
  case sasrec
  /// A checkpoint, in these spaces.
  case checkpoint([Space])

  init?(argument: String) {
    switch argument {
    case "popularity": self = .popularity
    case "random": self = .random
    case "item-knn": self = .itemNeighbours
    case "sasrec": self = .sasrec
    default:
      let names = argument.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
      let spaces = names.compactMap { name in Space.allCases.first { name == $0.checkpointName || name == "\($0)" } }
      guard spaces.count == names.count, Set(spaces).count == spaces.count else { return nil }
      self = .checkpoint(spaces.sorted())
    }
  }

  /// Whether chance has a part in it.
  var takesSeeds: Bool { self == .random || self == .sasrec }

  var spaces: [Space]? {
    guard case .checkpoint(let spaces) = self else { return nil }
    return spaces
  }
}

/// What is given as a list with commas between.
struct CommaList<Element: ExpressibleByArgument>: ExpressibleByArgument {
  let elements: [Element]

  init(_ elements: [Element]) { self.elements = elements }

  init?(argument: String) {
    let texts = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    elements = texts.compactMap { Element(argument: $0) }
    guard elements.count == texts.count else { return nil }
  }
}
