// SPDX-License-Identifier: Apache-2.0

/// What soft tokens are made of: keys of `rec_module/config.json` that the published code does not have.
///
/// | key | |
/// | --- | --- |
/// | `soft_token_features` | names of the features that the adaptor reads, one after the other: `["img", "cf", "text"]` |
/// | `soft_token_positions` | number of the newest places that have a learned vector, which is added to the token that stands there |
///
/// A checkpoint without these keys has the published adaptor, `adaptor.*`. One with them has its weights as `soft_token.*`:
/// whoever does not know the keys finds no adaptor, and cannot answer without what they ask for.
package struct SoftTokenLayout: Sendable, Equatable {
  /// In the order of blocks.
  package let features: [Space]
  /// Places from the end that have a vector, 0 for none.
  package let positions: Int

  package static let published = SoftTokenLayout()
  package static let maxPositions = 10_000

  /// - Precondition: `features` names at least one, and none twice.
  package init(features: [Space] = [.image], positions: Int = 0) {
    precondition(!features.isEmpty && Set(features).count == features.count && positions >= 0)
    self.features = features.sorted()
    self.positions = positions
  }

  package var isPublished: Bool { self == .published }
  /// Whether the embedding of an item's image is all that its token is made of.
  package var readsImagesAlone: Bool { features == [.image] }
  /// Whether an item may lack a feature and still have a token.
  package var allowsAbsence: Bool { features.count > 1 }

  // MARK: Names of tensors

  /// Of everything that the published layout does not have.
  package static let namePrefix = "soft_token."
  /// Of the adaptor's first layer, its norm and its second layer.
  package var layers: [String] {
    isPublished
      ? ["adaptor.proj_v2c", "adaptor.layernorm", "adaptor.interface"]
      : ["soft_token.proj", "soft_token.layernorm", "soft_token.interface"]
  }
  /// What stands for a feature that an item lacks.
  package static func absent(_ feature: Space) -> String { "soft_token.absent.\(feature.checkpointName)" }
  /// [positions, d]; the first row is of the newest item.
  package static let positionsName = "soft_token.positions"

  /// The adaptor's tensors under a name that is not this layout's.
  private var foreignPrefix: String { isPublished ? Self.namePrefix : "adaptor." }

  /// - Throws: unless the tensors are those of this layout: weights that nobody reads would mean other answers than they were
  ///   trained for.
  package func check(_ files: WeightFiles, configuration: String) throws(ModelError) {
    let hasPositions = files.tensors[Self.positionsName] != nil
    let foreign = files.tensors.keys.filter { $0.hasPrefix(foreignPrefix) }.min()
    guard foreign == nil, hasPositions == (positions > 0) else {
      throw ModelError(
        .malformed,
        "\(files.origin) holds \(foreign ?? Self.positionsName), and \(configuration) does not say so by soft_token_features and "
          + "soft_token_positions; the two files are not of one training")
    }
  }
}

extension SoftTokenLayout {
  /// The keys' values, with a comma before each; nothing for the published layout.
  var members: String {
    guard !isPublished else { return "" }
    let names = features.map { "\"\($0.checkpointName)\"" }.joined(separator: ", ")
    return ", \"soft_token_features\": [\(names)]" + (positions > 0 ? ", \"soft_token_positions\": \(positions)" : "")
  }

  /// - Parameters:
  ///   - features: the value of `soft_token_features`, nil where it is missing.
  ///   - positions: that of `soft_token_positions`.
  ///   - path: for messages.
  init(features names: [String]?, positions: Int?, path: String) throws(ModelError) {
    guard let names else {
      guard positions == nil else {
        throw ModelError(.malformed, "\(path): soft_token_positions needs soft_token_features beside it")
      }
      self = .published
      return
    }
    let features = names.compactMap { name in Space.allCases.first { $0.checkpointName == name } }
    guard !names.isEmpty, features.count == names.count, Set(features).count == names.count else {
      throw ModelError(
        .unsupported,
        "\(path): soft_token_features is \(names); it may name img, cf and text, each once. Use the version that wrote it"
      )
    }
    guard (0...Self.maxPositions).contains(positions ?? 0) else {
      throw ModelError(
        .malformed, "\(path): soft_token_positions is \(positions ?? 0); it may be 0 to \(Self.maxPositions)")
    }
    self.init(features: features, positions: positions ?? 0)
    guard !isPublished else {
      throw ModelError(
        .malformed,
        "\(path): soft_token_features names what is published; leave the key out, with the adaptor as adaptor.*")
    }
  }
}

extension CheckpointLocation {
  /// What the checkpoint's soft tokens are made of.
  ///
  /// - Parameter files: of its `rec_module/`, which must agree.
  func softTokenLayout(of files: WeightFiles) throws(ModelError) -> SoftTokenLayout {
    let layout = try trainingNotes().softTokens
    try layout.check(files, configuration: recModuleConfiguration)
    return layout
  }
}
