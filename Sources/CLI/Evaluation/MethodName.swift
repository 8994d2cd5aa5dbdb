// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Models

/// A method as the user names it.
enum MethodName: Hashable, Sendable, ExpressibleByArgument {
  case popularity
  case random
  case itemNeighbours
  /// A linear map of items to items in closed form.
  case ease
  case sasrec
  /// Whatever running services recommend.
  case services
  /// A frozen LLM writes the next title, which is looked up among the candidates'.
  case generation
  /// An LLM says yes or no to each candidate, with a LoRA that learned to.
  case pairAnswers
  /// By items' features alone: `img-knn`, `text-knn`.
  case contentNeighbours(Space)
  /// A checkpoint by its name, or the only one, in these spaces: `compact:img+cf`.
  case checkpoint(name: String? = nil, spaces: [Space])
  /// Late fusion of two or more of the others: `item-knn+compact:img+cf`.
  indirect case fused([MethodName])

  init?(argument: String) {
    var parts: [MethodName] = []
    for word in argument.split(separator: "+", omittingEmptySubsequences: false).map(String.init) {
      if let method = Self.words[word] {
        parts.append(method)
      } else if let space = Space(named: word), case .checkpoint(let name, let spaces)? = parts.last {
        guard !spaces.contains(space) else { return nil }
        parts[parts.count - 1] = .checkpoint(name: name, spaces: (spaces + [space]).sorted())
      } else {
        guard let begun = Self.checkpoint(beginningWith: word) else { return nil }
        parts.append(begun)
      }
    }
    guard Set(parts).count == parts.count, let first = parts.first else { return nil }
    guard parts.count == 1 || !parts.contains(.services) else { return nil }
    self = parts.count == 1 ? first : .fused(parts)
  }

  private static let words: [String: MethodName] =
    [
      "popularity": .popularity, "random": .random, "item-knn": .itemNeighbours, "ease": .ease,
      "sasrec": .sasrec,
      "services": .services, "generation": .generation, "yes-no": .pairAnswers,
    ]
    .merging(Space.allCases.map { ("\($0.checkpointName)-knn", .contentNeighbours($0)) }) { first, _ in first }

  /// A checkpoint's first space: "img", "compact:img".
  private static func checkpoint(beginningWith word: String) -> MethodName? {
    let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 1 || !parts[0].isEmpty, let space = parts.last.flatMap({ Space(named: $0) }) else {
      return nil
    }
    return .checkpoint(name: parts.count == 2 ? parts[0] : nil, spaces: [space])
  }

  /// Those that it is made of; itself when it is no fusion.
  var parts: [MethodName] {
    guard case .fused(let parts) = self else { return [self] }
    return parts
  }

  /// Whether chance has a part in it.
  var takesSeeds: Bool { parts.contains { $0 == .random || $0 == .sasrec } }

  var isContentNeighbours: Bool { if case .contentNeighbours = self { true } else { false } }

  /// Of a checkpoint; nil for every other method.
  var spaces: [Space]? {
    guard case .checkpoint(_, let spaces) = self else { return nil }
    return spaces
  }

  /// Spaces whose features it reads.
  var featureSpaces: [Space] {
    parts.flatMap { part -> [Space] in
      if case .contentNeighbours(let space) = part { return [space] }
      return part.spaces ?? []
    }
  }

  var defaultValueDescription: String { text }

  /// As tables show it.
  var text: String {
    switch self {
    case .popularity: "popularity"
    case .random: "random"
    case .itemNeighbours: "item-knn"
    case .ease: "ease"
    case .sasrec: "sasrec"
    case .services: "services"
    case .generation: "generation"
    case .pairAnswers: "yes-no"
    case .checkpoint(let name, let spaces):
      (name.map { "\($0):" } ?? "") + spaces.map(\.checkpointName).joined(separator: "+")
    case .contentNeighbours(let space): "\(space.checkpointName)-knn"
    case .fused(let parts): parts.map(\.text).joined(separator: "+")
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
