// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Items
package import Models
import Synchronization

/// A checkpoint in the published layout as a method: a user's vector, from the history's prompt, against item vectors.
///
///     score(user, item) = mean over the spaces in use of user vector · item vector
///
/// Items' vectors and soft tokens are computed once, as an index holds them; prompts are what its time is spent in.
package final class CheckpointRecommender: RankingMethod {
  package struct Settings: Sendable {
    package var spaces: [Space] = [.image]
    /// How histories are told; as the checkpoint was trained by default.
    package var promptStyle: PromptStyle?
    /// As many as the checkpoint was trained with by default.
    package var maxHistoryItems: Int?
    /// Longest prompt, [REC] included; the oldest items are left out of a longer one.
    package var maxPromptTokens = 4096
    /// Prompts that are computed together.
    package var promptsAtOnce = 16
    package var threads: Int?
    package var loading = LoadingOptions()

    package init() {}
  }

  package let name: String
  package var usersAtOnce: Int { settings.promptsAtOnce }
  package let settings: Settings
  private let items: [ItemTexts]
  private let model: UserModel
  /// Nil for an item that lacks all that soft tokens are made of.
  private let softTokens: [[Float]?]
  /// The soft tokens that items have when their image is lost; nil for those that then have none.
  private let softTokensWithoutImage: [[Float]?]
  private let itemVectors: Matrix  // [N, p for each space]
  /// Users that were ranked for by a prompt without items.
  private let untold = Mutex<Set<Int>>([])

  /// - Parameters:
  ///   - name: as tables show it; the spaces by default.
  ///   - features: one for each item of the dataset. An item without an embedding is left out of histories that show images,
  ///     and ranked by its other spaces.
  package init(
    checkpoint: CheckpointLocation, dataset: Dataset, features: [ItemFeatures], settings: Settings = Settings(),
    name: String? = nil
  ) throws {
    precondition(features.count == dataset.items.count, "features for each item")
    self.settings = settings
    self.name = name ?? settings.spaces.sorted().map(\.checkpointName).joined(separator: "+")
    items = dataset.items.map(\.texts)
    try Self.requireTokenFeatures(of: checkpoint, settings, features)
    let images = try ImageModel(
      checkpoint: checkpoint, spaces: settings.spaces, threads: settings.threads, loading: settings.loading,
      imageFeatureDim: features.lazy.compactMap(\.embedding?.count).first)
    try Self.requireWidths(of: features, images, checkpoint)
    itemVectors = try images.itemVectors(of: features)
    softTokens = try Self.softTokens(of: features, images)
    softTokensWithoutImage =
      try images.tokenFeatures == [.image]
      ? [[Float]?](repeating: nil, count: features.count)
      : Self.softTokens(of: features.map(\.withoutEmbedding), images)
    model = try UserModel(
      checkpoint: checkpoint,
      configuration: UserModel.Configuration(
        spaces: settings.spaces, promptStyle: settings.promptStyle, maxHistoryItems: settings.maxHistoryItems,
        maxPromptTokens: settings.maxPromptTokens, threads: settings.threads, loading: settings.loading))
    guard !model.promptStyle.showsImages || softTokens.contains(where: { $0 != nil }) else {
      throw EvaluationError(
        .invalidInput, "no item has an image embedding, or another feature that prompts are made of")
    }
  }

  /// An item may lack a feature that soft tokens are made of; where every item does, the feature was not given.
  private static func requireTokenFeatures(
    of checkpoint: CheckpointLocation, _ settings: Settings, _ features: [ItemFeatures]
  ) throws {
    let notes = try checkpoint.trainingNotes()
    guard (settings.promptStyle ?? notes.promptStyle ?? .image).showsImages, notes.softTokens.allowsAbsence else {
      return
    }
    let missing = notes.softTokens.features.filter { space in features.allSatisfy { $0[space] == nil } }
    guard !missing.isEmpty else { return }
    let flags = missing.map { "--features \($0.checkpointName)=FILE" }.joined(separator: " and ")
    throw EvaluationError(
      .invalidInput,
      "\(checkpoint.directory): its soft tokens are made of features in "
        + "\(notes.softTokens.features.map(\.checkpointName).joined(separator: ", ")), and no item has one in "
        + "\(missing.map(\.checkpointName).joined(separator: ", ")); give \(flags), as it was trained with")
  }

  private static func requireWidths(
    of features: [ItemFeatures], _ images: ImageModel, _ checkpoint: CheckpointLocation
  ) throws(EvaluationError) {
    for (space, expected) in [(Space.cf, images.cfFeatureDim), (.text, images.textFeatureDim)] where expected > 0 {
      guard let found = features.lazy.compactMap({ $0[space]?.count }).first, found != expected else { continue }
      throw EvaluationError(
        .invalidInput,
        "\(checkpoint.directory) was trained with \(space.checkpointName) features of \(expected) numbers, and the given ones have "
          + "\(found); give the file that it was trained with by --features \(space.checkpointName)=FILE")
    }
  }

  private static func softTokens(of features: [ItemFeatures], _ images: ImageModel) throws -> [[Float]?] {
    let known = features.indices.filter { images.hasSoftToken(features[$0]) }
    let tokens = try images.softTokens(of: known.map { features[$0] })
    var all = [[Float]?](repeating: nil, count: features.count)
    for (row, item) in known.enumerated() { all[item] = Array(tokens[row: row]) }
    return all
  }

  private init(
    _ other: CheckpointRecommender, items: [ItemTexts]? = nil, softTokens: [[Float]?]? = nil, itemVectors: Matrix? = nil
  ) {
    name = other.name
    settings = other.settings
    model = other.model
    self.items = items ?? other.items
    self.softTokens = softTokens ?? other.softTokens
    softTokensWithoutImage = other.softTokensWithoutImage
    self.itemVectors = itemVectors ?? other.itemVectors
  }

  /// The same model over the same items in other words.
  package func retelling(_ dataset: Dataset) -> CheckpointRecommender {
    precondition(dataset.items.count == items.count, "words for each item")
    return CheckpointRecommender(self, items: dataset.items.map(\.texts))
  }

  /// The same model over items of which some have lost their image: they are in no prompt that shows images, unless soft tokens are
  /// made of more, and their block of the image space is zero.
  package func withoutImages(of lost: Set<Int>) -> CheckpointRecommender {
    var (softTokens, itemVectors) = (softTokens, itemVectors)
    let block = settings.spaces.sorted().firstIndex(of: .image)
    for item in lost {
      softTokens[item] = softTokensWithoutImage[item]
      guard let block else { continue }
      let zeros = repeatElement(Float(0), count: model.spaceDim)
      itemVectors.replace(row: item, from: block * model.spaceDim, with: zeros)
    }
    return CheckpointRecommender(self, softTokens: softTokens, itemVectors: itemVectors)
  }

  package func scores(of queries: [RankingQuery]) throws -> [[Float]] {
    let prompts = try queries.map { try prompt(of: $0) }
    noteUntold(queries, prompts)
    let users = try model.userVectors(of: model.hiddenStates(of: prompts.compactMap(\.self)))
    var row = 0
    return zip(queries, prompts).map { query, prompt in
      guard prompt != nil else { return query.candidates.map { _ in 0 } }
      defer { row += 1 }
      let user = users[row: row]
      return query.candidates.map { Self.dot(user, itemVectors[row: $0]) }
    }
  }

  /// [REC] included; 0 for a user of whom nothing is known.
  package func promptTokens(of queries: [RankingQuery]) throws -> [Int]? {
    try queries.map { try prompt(of: $0)?.tokenCount ?? 0 }
  }

  package var promptStyle: PromptStyle { model.promptStyle }
  package var maxHistoryItems: Int { model.maxHistoryItems }

  /// Of every file that its prompts are computed with.
  package var fingerprint: String { model.fingerprints.model }

  /// Nil when prompts show images and no item of the history has one: nothing is known of the user then.
  private func prompt(of query: RankingQuery) throws(ModelError) -> Prompt? {
    let told = readable(query).newest(maxHistoryItems).history
    guard !told.isEmpty else { return nil }
    return try model.prompt(
      history: told.map { HistoryEntry(texts: items[$0], softToken: softTokens[$0]) }, allowsNone: true)
  }

  package func tells(of query: RankingQuery) throws -> Bool {
    guard let prompt = try prompt(of: query) else { return false }
    return prompt.truncatedItems < readable(query).newest(maxHistoryItems).history.count
  }

  private func noteUntold(_ queries: [RankingQuery], _ prompts: [Prompt?]) {
    let users = zip(queries, prompts).filter { query, prompt in
      prompt.map { $0.truncatedItems == readable(query).newest(maxHistoryItems).history.count } ?? false
    }.map(\.0.user)
    if !users.isEmpty { untold.withLock { $0.formUnion(users) } }
  }

  /// Users that were ranked for by a prompt without items, since their newest item alone was too long: as the published code does.
  package var untoldUsers: Int { untold.withLock(\.count) }

  /// Prompts that show images tell of no item without one.
  package func readable(_ query: RankingQuery) -> RankingQuery {
    guard promptStyle.showsImages else { return query }
    return RankingQuery(
      user: query.user, history: query.history.filter { softTokens[$0] != nil }, candidates: query.candidates)
  }

  private static func dot(_ user: ArraySlice<Float>, _ item: ArraySlice<Float>) -> Float {
    user.withUnsafeBufferPointer { user in
      item.withUnsafeBufferPointer { item in
        // Eight sums: one alone would wait for each addition.
        var sums = SIMD8<Float>(repeating: 0)
        var place = 0
        while place + 8 <= user.count {
          for lane in 0..<8 { sums[lane] += user[place + lane] * item[place + lane] }
          place += 8
        }
        var sum = sums.sum()
        while place < user.count {
          sum += user[place] * item[place]
          place += 1
        }
        return sum
      }
    }
  }
}

extension ItemFeatures {
  fileprivate var withoutEmbedding: ItemFeatures { ItemFeatures(cf: cf, text: text) }
}
