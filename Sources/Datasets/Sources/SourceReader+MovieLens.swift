// SPDX-License-Identifier: Apache-2.0

import Items

/// MovieLens: `movies.dat` and `ratings.dat`, with `::` between fields (1M, 10M), or `movies.csv` and `ratings.csv` (20M and later).
///
/// - Source: the README files of MovieLens 1M, 10M and 20M. Every rating is an interaction, whatever it is.
extension SourceReader {
  mutating func readMovieLens(movies: String, ratings: String) throws -> RawData {
    var raw = RawData(
      kind: .catalog, source: "\(movies) + \(ratings)",
      images: ImageLocator(directory: options.images, catalogFile: movies))
    var numbers = Names()
    if movies.namesCommaTable {
      try readMovieTable(movies, &numbers, into: &raw)
    } else {
      try readMovieLines(movies, &numbers, into: &raw)
    }
    let log =
      try ratings.namesCommaTable ? readRatingTable(ratings, numbers, &raw) : readRatingLines(ratings, numbers, &raw)
    raw.take(log)
    return raw
  }

  private mutating func readMovieLines(_ path: String, _ numbers: inout Names, into raw: inout RawData) throws {
    var lines = SeparatedLines(path, what: "the movies", separator: "::")
    // MovieLens 1M is in Latin-1, later ones in UTF-8; the file says neither. Which it is, all of it decides.
    if try !lines.isUTF8() {
      lines.encoding = .latin1
      raw.notes.append("\(path) is no UTF-8 and was read as Latin-1, as MovieLens 1M is")
    }
    try lines.forEach { fields, line in
      guard fields.count == 3 else {
        return try noteBad("\(path):\(line)", "\(fields.count) fields where MovieID::Title::Genres has 3")
      }
      try add(movie: fields[0], title: fields[1], genres: fields[2], "\(path):\(line)", line, &numbers, into: &raw)
    }
  }

  private mutating func readMovieTable(_ path: String, _ numbers: inout Names, into raw: inout RawData) throws {
    var columns = ColumnPlaces()
    try DelimitedTable(path, what: "the movies").read { header in
      columns = try ColumnPlaces(["movieId", "title", "genres"], in: header, of: path)
    } row: { row in
      guard let cells = columns.cells(of: row) else {
        return try noteBad("\(path):\(row.line)", "\(row.cells.count) fields where the header has \(columns.count)")
      }
      try add(movie: cells[0], title: cells[1], genres: cells[2], "\(path):\(row.line)", row.line, &numbers, into: &raw)
    }
  }

  private mutating func add(
    movie: String, title: String, genres: String, _ place: String, _ line: Int, _ numbers: inout Names,
    into raw: inout RawData
  ) throws {
    let id = ItemName.canonical(movie)
    guard !id.isEmpty else { return try noteBad(place, "no movie id") }
    guard numbers.number(of: id) == nil else { return try noteBad(place, "movie \(id) was given before") }
    _ = numbers.insert(id)
    let genres = genres == "(no genres listed)" ? "" : genres.split(separator: "|").joined(separator: ", ")
    raw.items.append(CatalogItem(id: id, texts: .init(title: title, category: genres), line: line))
  }

  private mutating func readRatingLines(
    _ path: String, _ numbers: Names, _ raw: inout RawData
  ) throws -> InteractionLog {
    var log = InteractionLog()
    try SeparatedLines(path, what: "the ratings", separator: "::").forEach(progress: follow(path)) { fields, line in
      guard fields.count == 4 else {
        return try noteBad("\(path):\(line)", "\(fields.count) fields where UserID::MovieID::Rating::Timestamp has 4")
      }
      try add(user: fields[0], item: fields[1], time: fields[3], "\(path):\(line)", numbers, to: &log, &raw)
    }
    return log
  }

  private mutating func readRatingTable(
    _ path: String, _ numbers: Names, _ raw: inout RawData
  ) throws -> InteractionLog {
    var (log, columns) = (InteractionLog(), ColumnPlaces())
    try DelimitedTable(path, what: "the ratings").read(progress: follow(path)) { header in
      columns = try ColumnPlaces(["userId", "movieId", "timestamp"], in: header, of: path)
    } row: { row in
      guard let cells = columns.cells(of: row) else {
        return try noteBad("\(path):\(row.line)", "\(row.cells.count) fields where the header has \(columns.count)")
      }
      try add(user: cells[0], item: cells[1], time: cells[2], "\(path):\(row.line)", numbers, to: &log, &raw)
    }
    return log
  }

  /// One interaction of a file without quotes.
  mutating func add(
    user: String, item: String, time: String?, _ place: String, _ numbers: Names, to log: inout InteractionLog,
    _ raw: inout RawData
  ) throws {
    let (user, item) = (ItemName.canonical(user), ItemName.canonical(item))
    guard !user.isEmpty, !user.hasWhitespace, !item.isEmpty else {
      return try noteBad(place, "no user, no item, or a user with white space in its name")
    }
    guard let moment = EventTime(time ?? "0") else {
      return try noteBad(place, "timestamp \"\(time ?? "")\" is not a number")
    }
    guard let number = numbers.number(of: item) else { return raw.noteUnknown(item) }
    log.events.append(.init(user: log.users.insert(user), item: number, time: moment))
  }
}

/// Where the columns that are wanted stand in a table.
private struct ColumnPlaces {
  private(set) var count = 0
  private var places: [Int] = []

  init() {}

  init(_ names: [String], in header: [String], of path: String) throws(DatasetError) {
    count = header.count
    for name in names {
      guard let place = header.firstIndex(of: name) else {
        throw DatasetError(
          .malformed,
          "\(path):1: needs the columns \(names.joined(separator: ", ")); the header has \(header.joined(separator: ", "))"
        )
      }
      places.append(place)
    }
  }

  /// Nil for a row with another number of fields than the header.
  func cells(of row: DelimitedTable.Row) -> [String]? {
    row.cells.count == count ? places.map { row.cells[$0] } : nil
  }
}
