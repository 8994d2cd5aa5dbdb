// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Models
import Training

extension StudySession {
  /// Only the newest n items of each history are read.
  mutating func historyLength(
    _ lengths: [Int], methods: [MethodName], neighbours: ItemNeighbours.Settings, sasrecFile: String?
  ) throws -> StudyResult {
    let study = study(lengths.map(Double.init))
    let longest = lengths.max() ?? 1
    var (series, notes): ([StudyResult.Series], [StudyResult.Setting]) = ([], [])
    for name in options.checkpoint.expanded(methods) {
      let method: any RankingMethod
      switch name {
      case .popularity: method = Popularity(dataset: data.dataset)
      case .random: method = RandomOrder(seed: 1)
      case .itemNeighbours:
        var settings = neighbours
        settings.historyItems = longest
        method = ItemNeighbours(dataset: data.dataset, settings: settings)
      case .ease: method = try data.ease(EASE.Settings())
      case .sasrec: method = try sasrec(sasrecFile)
      case .services, .generation, .pairAnswers, .contentNeighbours, .fused:
        throw CLIError(.usage, "\(name.text) is compared by illmrec evaluate; leave it out here")
      case .checkpoint:
        let checkpoint = try checkpointMethods([name])[0].checkpoint
        let recommender = try recommender(
          name, checkpoint, features: features(for: checkpoint), maxHistoryItems: longest)
        notes += Self.settings(of: recommender, checkpoint)
        method = recommender
      }
      series += try study.series(name.text) { place, _ in
        try rank(NewestItems(Int(place), of: method), note: "newest \(Int(place))")
      }
    }
    return StudyResult(
      study: "history-length", axis: .init("newest items read", unit: "items"), series: series,
      settings: settings(notes), data: summary)
  }

  private func sasrec(_ file: String?) throws -> SASRec {
    guard let file else {
      throw CLIError(.usage, "sasrec: give --sasrec FILE, which illmrec features cf writes")
    }
    return try SASRecFile.method(file, for: data.dataset)
  }

  /// A prompt is at most a budget of tokens long.
  mutating func contextBudget(_ budgets: [Int], methods: [MethodName]) throws -> StudyResult {
    let study = study(budgets.map(Double.init))
    var (series, notes): ([StudyResult.Series], [StudyResult.Setting]) = ([], [])
    let longest = task.users.map { task.query(of: $0).history.count }.max() ?? 1
    for (name, checkpoint) in try checkpointMethods(methods) {
      let method = try recommender(name, checkpoint, features: features(for: checkpoint), maxHistoryItems: longest)
      notes += Self.settings(of: method, checkpoint)
      let label = "\(name.text) (\(method.promptStyle.rawValue))"
      series += try study.series(label) { place, _ in
        try rank(TokenBudget(Int(place), of: method), note: "\(Int(place)) tokens")
      }
      let fitted = try study.places.map { place in
        try data.interruption.check()
        return try TokenBudget(Int(place), of: method).itemsThatFit(task.users.map(task.query(of:))).map(Double.init)
      }
      series.append(
        .init(
          name: label, metric: "items that fitted",
          points: zip(study.places, study.bootstrap.intervals(of: fitted)).map { .init(x: $0, $1) }))
    }
    return StudyResult(
      study: "context-budget", axis: .init("tokens of the prompt at most", unit: "tokens"), series: series,
      settings: settings(notes), data: summary)
  }

  /// A share of the descriptions' words is replaced.
  mutating func descriptionNoise(_ chance: StudySeedOptions, methods: [MethodName]) throws -> StudyResult {
    let noise = try DescriptionNoise(data.dataset)
    return try shares("description-noise", axis: "words replaced", chance, methods) { method, _, share, seed in
      method.retelling(noise.dataset(share: share, seed: seed))
    }
  }

  /// A share of the items has lost its image.
  mutating func missingImages(_ chance: StudySeedOptions, methods: [MethodName]) throws -> StudyResult {
    try shares("missing-images", axis: "images lost", chance, methods) { method, features, share, seed in
      method.withoutImages(of: MissingImages(features).lost(share: share, seed: seed))
    }
  }

  private mutating func shares(
    _ study: String, axis: String, _ chance: StudySeedOptions, _ methods: [MethodName],
    _ changed: (CheckpointRecommender, [ItemFeatures], Double, UInt64) -> CheckpointRecommender
  ) throws -> StudyResult {
    let ranking = self.study(chance.shares.elements)
    var (series, notes): ([StudyResult.Series], [StudyResult.Setting]) = ([], [])
    for (name, checkpoint) in try checkpointMethods(methods) {
      let features = try features(for: checkpoint)
      let method = try recommender(name, checkpoint, features: features)
      series += try ranking.series(name.text, seeds: chance.seeds(at:)) { share, seed in
        try rank(changed(method, features, share, seed), note: "share \(share)")
      }
      notes += Self.settings(of: method, checkpoint)
    }
    notes.append(.init("seeds", chance.seeds.elements.map(String.init).joined(separator: ", ")))
    return StudyResult(
      study: study, axis: .init("share of \(axis)", unit: "share"), series: series, settings: settings(notes),
      data: summary)
  }

  /// Tokens per item and prompt of each style; no model is read.
  func tokenCounts(of checkpoint: CheckpointLocation) throws -> StudyResult {
    let newest = options.checkpoint.maxHistoryItems ?? UserModel.Configuration.publishedHistoryItems
    let counts = TokenCounts(
      tokenizer: try LlamaTokenizer(of: checkpoint), items: data.dataset.items.map(\.texts),
      maxHistoryItems: newest)
    let histories = task.users.map { Array(task.query(of: $0).history.suffix(newest)) }
    let bar = ProgressBar("Tokens", total: histories.count * TokenCounts.styles.count, unit: "prompts")
    defer { bar.finish() }
    let series = try counts.series(histories: histories) { done in
      try data.interruption.check()
      bar.update(completed: done)
    }
    return StudyResult(
      study: "token-counts",
      axis: .init("representation", unit: "", labels: TokenCounts.styles.map(\.rawValue)), series: series,
      settings: settings([
        .init("tokenizer", checkpoint.tokenizer), .init("newest items at most", "\(newest)"),
      ]), data: summary)
  }
}
