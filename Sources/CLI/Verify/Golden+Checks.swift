// SPDX-License-Identifier: Apache-2.0

extension Golden {
  /// Widths that all entries share.
  var embeddingDim: Int { images[0].embedding.count }
  var softTokenDim: Int { images[0].softToken.count }
  var spaceDim: Int { images[0].itemVector.count }

  /// What decoding cannot see: that the lengths fit together.
  func check(_ fault: (String) -> CLIError) throws(CLIError) {
    guard !images.isEmpty else { throw fault("images is empty; a golden has at least one") }
    guard !histories.isEmpty else { throw fault("histories is empty; a golden has at least one") }
    for (index, image) in images.enumerated() {
      let lengths = [
        ("embedding", image.embedding.count, embeddingDim), ("soft_token", image.softToken.count, softTokenDim),
        ("item_vector", image.itemVector.count, spaceDim),
      ]
      try Self.checkLengths(lengths, of: "images[\(index)]", fault)
    }
    for (index, history) in histories.enumerated() {
      try check(history, name: "histories[\(index)]", fault)
    }
  }

  private func check(_ history: History, name: String, _ fault: (String) -> CLIError) throws(CLIError) {
    guard !history.items.isEmpty else { throw fault("\(name).items is empty") }
    if let stray = history.items.first(where: { !images.indices.contains($0) }) {
      throw fault("\(name).items names item \(stray); there are images 0 to \(images.count - 1)")
    }
    guard history.userVectors["img"] != nil else { throw fault("\(name).user_vectors lacks \"img\"") }
    if let stray = history.userVectors.keys.first(where: { GoldenSpace(rawValue: $0) == nil }) {
      throw fault("\(name).user_vectors has the unknown space \"\(stray)\"; spaces are img, cf and text")
    }
    let vectors = history.userVectors.map { ("user_vectors.\($0.key)", $0.value.count, spaceDim) }
    let lengths = [
      ("titles", history.titles.count, history.items.count),
      ("hidden_state", history.hiddenState.count, softTokenDim),
      ("image_scores", history.imageScores.count, images.count), ("ranking", history.ranking.count, images.count),
    ]
    try Self.checkLengths(lengths + vectors, of: name, fault)
    guard history.ranking.sorted() == Array(images.indices) else {
      throw fault("\(name).ranking does not name each of the items 0 to \(images.count - 1) once")
    }
  }

  private static func checkLengths(
    _ lengths: [(name: String, count: Int, expected: Int)], of name: String, _ fault: (String) -> CLIError
  ) throws(CLIError) {
    guard let wrong = lengths.first(where: { $0.count != $0.expected || $0.count == 0 }) else { return }
    throw fault("\(name).\(wrong.name) has \(wrong.count) values where \(wrong.expected) belong")
  }
}

/// A space as goldens spell it.
enum GoldenSpace: String, CaseIterable, Sendable {
  case image = "img"
  case cf
  case text
}
