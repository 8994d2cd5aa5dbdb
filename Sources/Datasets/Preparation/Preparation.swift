// SPDX-License-Identifier: Apache-2.0

import Items

/// Makes a dataset of a source: reads it, filters it to a fixed point, samples negatives and writes the published layout.
package struct Preparation {
  package let source: DataSource
  package let options: PreparationOptions
  /// Nil when the image at this path can be used, else why not. Called from many threads.
  private let decode: @Sendable (String) -> String?

  package init(
    source: DataSource, options: PreparationOptions, decodingImagesWith decode: @escaping @Sendable (String) -> String?
  ) {
    self.source = source
    self.options = options
    self.decode = decode
  }

  /// Prepares into the directory `output`, which appears at the end, whole. After an interruption the next run goes on
  /// with the image checks that were done.
  ///
  /// - Parameter progress: a stage, what of it is done, and of how much; what it throws ends the preparation.
  package func run(
    into output: String, progress: @escaping (PreparationStage, Int, Int?) throws -> Void = { _, _, _ in }
  ) throws -> (dataset: Dataset, report: PreparationReport) {
    try OutputDirectory.requireApart(output, from: source.paths + (options.images.map { [$0] } ?? []))
    let directory = try OutputDirectory(output, replaces: options.replacesOutput)
    var reader = SourceReader(options: options, progress: progress)
    let raw = try reader.read(source)
    var report = PreparationReport()
    report.source = raw.source
    report.split = raw.split
    report.notes = raw.notes
    (report.badLines, report.badLineExamples) = (reader.badLines.count, reader.badLines.examples)
    try requireInteractions(raw, badLines: reader.badLines)
    if raw.unknownInteractions > 0 {
      report.notes.append(
        "\(raw.unknownInteractions) interactions with \(raw.unknownItems.count) items that the source does not describe "
          + "were dropped; the first are \(Self.quoted(raw.firstUnknown))")
    }
    var check = try ImageCheck(memory: directory.imageChecks, decode: decode)
    let (filters, images) = try filter(raw, &check, &report, progress)
    var dataset = compacted(raw, filters, images)
    try addNegatives(to: &dataset, &report)
    try directory.clearFiles()
    let count = dataset.value.items.count
    try dataset.value.write(to: directory.partial, record: record(of: report), images: options.placement) {
      try progress(.placingImages, $0, count)
    }
    try directory.publish()
    return (try Dataset(reading: output), report)
  }

  /// Names the ids on both sides where none meets another: what differs in them is for a person to see.
  private func requireInteractions(_ raw: RawData, badLines: BadLines) throws(DatasetError) {
    guard raw.sequences.allSatisfy(\.isEmpty) else { return }
    guard raw.unknownInteractions > 0 else {
      let first =
        badLines.examples.first.map { "; the first line that cannot be used is \($0)" }
        ?? "; the file holds a header at most: write a line for each interaction"
      throw DatasetError(.empty, "\(raw.source): no interaction could be read\(first)")
    }
    throw DatasetError(
      .empty,
      "\(raw.source): none of \(raw.unknownInteractions) interactions is with an item that the source describes. They are with "
        + "\(Self.quoted(raw.firstUnknown)), …; the items are \(Self.quoted(raw.items.prefix(5).map(\.id))), …. Ids are "
        + "compared byte for byte, with the spaces around them: make them the same in both files")
  }

  private static func quoted(_ names: [String]) -> String { names.map { "\"\($0)\"" }.joined(separator: ", ") }

  // MARK: - Filters

  /// Images come after the core: there are fewer of them then, and the core is found again behind them.
  private func filter(
    _ raw: RawData, _ check: inout ImageCheck, _ report: inout PreparationReport,
    _ progress: (PreparationStage, Int, Int?) throws -> Void
  ) throws -> (Filters, [String?]) {
    var filters = Filters(raw)
    filters.record("read")
    if options.repeats == .drop {
      _ = filters.dropRepeats()
      filters.record("items met again dropped")
    } else if filters.repeatCount > 0 {
      report.notes.append("\(filters.repeatCount) interactions meet an item again; kept, as published (--repeats drop)")
    }
    if dropsEmptyDescriptions(raw.kind) {
      filters.keepItems { !raw.items[$0].texts.description.isEmpty }
      filters.record("with a description")
    }
    keepCore(&filters)
    var images = [String?](repeating: nil, count: raw.items.count)
    for item in raw.items.indices where filters.items[item] { images[item] = raw.images.path(of: raw.items[item]) }
    try checkImages(raw, filters.items, &images, &check, &report, progress)
    if options.imageCheck != .off {
      filters.keepItems { images[$0] != nil }
      filters.record(options.imageCheck == .decode ? "with an image that decodes" : "with an image file")
      keepCore(&filters)
    }
    filters.keepUsers(withAtLeast: options.leastInteractions)
    filters.dropUnmetItems()
    filters.record("users with \(options.leastInteractions) or more interactions")
    try holdBackColdItems(&filters, &report)
    report.steps = filters.steps
    guard filters.users.contains(true) else { throw nothingLeft(filters.steps) }
    return (filters, images)
  }

  /// Chooses the cold items, of those that are left, and ends everybody's sequence with one of them. Nothing is filtered by how often
  /// items are met from then on: that they are not is what it is for.
  private func holdBackColdItems(_ filters: inout Filters, _ report: inout PreparationReport) throws {
    guard options.coldShare > 0 else { return }
    var left = filters.items.indices.filter { filters.items[$0] }
    var generator = SplitMix64(seed: options.seed, stream: .max)
    generator.shuffle(&left)
    let cold = left.prefix(Int((Double(left.count) * options.coldShare).rounded()))
    guard !cold.isEmpty, cold.count < left.count else {
      throw DatasetError(
        .invalidInput,
        "--cold-items \(options.coldShare) of \(left.count) items is \(cold.count) of them; give a share that leaves some on both sides"
      )
    }
    filters.endSequences(withCold: cold)
    filters.keepUsers(withAtLeast: options.leastInteractions)
    filters.record("users who met one of \(cold.count) cold items after others")
    report.split =
      "the test item is the last of the cold items that a user met, the rest what came before and is not cold: \(cold.count) items "
      + "are in no training sequence, drawn with seed \(options.seed)"
  }

  private func keepCore(_ filters: inout Filters) {
    guard options.kCore > 1 else { return }
    filters.keepCore(options.kCore)
    filters.record("\(options.kCore)-core")
  }

  private func dropsEmptyDescriptions(_ kind: RawData.Kind) -> Bool {
    (options.emptyDescriptions ?? (kind == .catalog ? .keep : .drop)) == .drop
  }

  private func nothingLeft(_ steps: [PreparationReport.Step]) -> DatasetError {
    let emptied = steps.first { $0.users == 0 } ?? steps[steps.count - 1]
    return DatasetError(
      .empty,
      "nobody is left after the step \"\(emptied.name)\" (\(steps[0].users) users and \(steps[0].items) items were read); "
        + "see --k-core, --empty-descriptions, --image-check and --images")
  }

  // MARK: - Images

  /// Sets the paths of unusable images to nil and says why.
  private func checkImages(
    _ raw: RawData, _ wanted: [Bool], _ images: inout [String?], _ check: inout ImageCheck,
    _ report: inout PreparationReport, _ progress: (PreparationStage, Int, Int?) throws -> Void
  ) throws {
    for item in images.indices where wanted[item] && images[item] == nil && options.imageCheck != .off {
      report.note(badImage: "item \(raw.items[item].id): no file \(raw.images.expectedPath(of: raw.items[item]))")
    }
    guard options.imageCheck == .decode else { return }
    let there = images.indices.filter { images[$0] != nil }
    let verdicts = try check.verdicts(of: there.compactMap { images[$0] }) {
      try progress(.checkingImages, $0, there.count)
    }
    report.imagesKnown = check.knownCount
    for (item, verdict) in zip(there, verdicts) {
      guard let verdict, let path = images[item] else { continue }
      report.note(badImage: "item \(raw.items[item].id): \(path): \(verdict)")
      images[item] = nil
    }
  }

  // MARK: - The dataset

  /// A dataset, and what its negatives are drawn by.
  private struct Compacted {
    var value: Dataset
    /// The source's negatives; empty where it has none.
    let negatives: [[Int]]
    /// Numbers of the cold items.
    let cold: [Int]
    /// Whom each user met beyond the sequence; empty where that is all.
    let met: [[Int]]
  }

  private func compacted(_ raw: RawData, _ filters: Filters, _ images: [String?]) -> Compacted {
    var numbers = [Int](repeating: -1, count: raw.items.count)
    var items: [Dataset.Item] = []
    for item in raw.items.indices where filters.items[item] {
      numbers[item] = items.count
      items.append(Dataset.Item(raw.items[item], image: images[item]))
    }
    let kept = raw.userIDs.indices.filter { filters.users[$0] }
    let users = kept.map { user in
      Dataset.User(id: raw.userIDs[user], items: filters.sequences[user].map { numbers[Int($0)] })
    }
    let negatives = raw.negatives.isEmpty ? [] : kept.map { raw.negatives[$0].map { numbers[Int($0)] } }
    let cold = filters.isCold.indices.filter { filters.isCold[$0] && numbers[$0] >= 0 }.map { numbers[$0] }
    let met = filters.met.isEmpty ? [] : kept.map { filters.met[$0].map { numbers[Int($0)] }.filter { $0 >= 0 } }
    return Compacted(value: Dataset(items: items, users: users), negatives: negatives, cold: cold, met: met)
  }

  /// Keeps given negatives that are still items, fills them up, and draws those that are missing.
  private func addNegatives(to made: inout Compacted, _ report: inout PreparationReport) throws {
    let (given, itemCount) = (made.negatives, made.value.items.count)
    // Those of the source were drawn for another target.
    let isGiven = !given.isEmpty && !options.drawsNegativesAnew && made.cold.isEmpty
    let isAmongCold = options.negativePool == .cold
    let sampling =
      isAmongCold
      ? NegativeSampling(among: made.cold, seed: options.seed)
      : NegativeSampling(itemCount: itemCount, seed: options.seed)
    var (filled, repeated) = (0, 0)
    for user in made.value.users.indices {
      let own = isGiven ? given[user].filter { $0 >= 0 } : []
      let count = isGiven ? given[user].count : options.negatives
      if isGiven, own.count < count { filled += 1 }
      guard
        let negatives = sampling.negatives(
          count: count, met: made.value.users[user].items + (made.met.isEmpty ? [] : made.met[user]), given: own,
          user: user)
      else {
        let pool = isAmongCold ? "\(made.cold.count) cold items" : "\(itemCount) items"
        throw DatasetError(
          .invalidInput,
          "user \(made.value.users[user].id) met all \(pool), so there are no negatives; give more items, or --negatives 0"
        )
      }
      if Set(negatives).count < negatives.count { repeated += 1 }
      made.value.users[user].negatives = negatives
    }
    report.negatives =
      isGiven
      ? "from the source" + (filled > 0 ? ", filled up for \(filled) users whose negatives were dropped" : "")
      : "\(options.negatives) a user, drawn\(isAmongCold ? " among the cold items" : "") with seed \(options.seed)"
    if repeated > 0 {
      report.negatives +=
        "; \(repeated) users have some of them more than once, which count as often in a rank: they have not so many items left "
        + "to draw from, so give a smaller --negatives"
    }
  }

  private func record(of report: PreparationReport) -> DatasetRecord {
    var record = DatasetRecord()
    record.source = report.source
    record.steps = report.steps.map {
      "\($0.name): \($0.users) users, \($0.items) items, \($0.interactions) interactions"
    }
    record.steps += report.notes
    (record.seed, record.split, record.negatives) = (options.seed, report.split, report.negatives)
    return record
  }
}
