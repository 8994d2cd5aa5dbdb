// SPDX-License-Identifier: Apache-2.0

/// Reads a source whole.
struct SourceReader {
  typealias Progress = (PreparationStage, Int, Int?) throws -> Void

  let options: PreparationOptions
  let progress: Progress
  private(set) var badLines: BadLines

  init(options: PreparationOptions, progress: @escaping Progress) {
    self.options = options
    self.progress = progress
    badLines = BadLines(limit: options.badLineLimit)
  }

  mutating func read(_ source: DataSource) throws -> RawData {
    switch source {
    case .catalog(let items, let interactions, let split):
      try readCatalog(items: items, interactions: interactions, split: options.ignoresSplit ? nil : split)
    case .published(let directory): try readPublished(directory)
    case .amazon(let metadata, let reviews): try readAmazon(metadata: metadata, reviews: reviews)
    case .movieLens(let movies, let ratings): try readMovieLens(movies: movies, ratings: ratings)
    case .recBole(let items, let interactions): try readRecBole(items: items, interactions: interactions)
    }
  }

  mutating func noteBad(_ place: String, _ message: String) throws { try badLines.note(place, message) }

  /// Tells how far the reading of a file is.
  func follow(_ path: String) -> (Int) throws -> Void {
    let size = FileSize.of(path)
    return { [progress] in try progress(.reading(file: path), $0, size) }
  }

  // MARK: - Published layout

  private func readPublished(_ directory: String) throws -> RawData {
    let dataset = try Dataset(reading: directory)
    var raw = RawData(
      kind: .published, source: "\(directory) (published layout)",
      images: ImageLocator(directory: options.images, catalogFile: directory + "/meta_info.json"))
    let images = try DatasetLayout.imageNames(in: options.images ?? DatasetLayout(directory).images)
    raw.items = dataset.items.enumerated().map { number, item in
      var record = CatalogItem(id: item.id, texts: item.texts)
      (record.features, record.price, record.imageURL) = (item.features, item.price, item.imageURL)
      let name = images[number] ?? "\(number).jpg"
      record.image = options.images == nil ? "image/\(name)" : name
      return record
    }
    raw.userIDs = dataset.users.map(\.id)
    raw.sequences = dataset.users.map { $0.items.map(Int32.init) }
    if dataset.users.contains(where: { !$0.negatives.isEmpty }) {
      raw.negatives = dataset.users.map { $0.negatives.map(Int32.init) }
    }
    raw.split = "as published"
    return raw
  }
}
