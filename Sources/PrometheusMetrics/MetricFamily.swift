// SPDX-License-Identifier: Apache-2.0

/// All series of one name.
struct MetricFamily {
  let description: MetricDescription
  private(set) var cells: [LabelText: any Cell] = [:]

  init(_ description: MetricDescription) { self.description = description }

  /// The series of these labels, made if there is room for one more; else the one that takes what has no room.
  ///
  /// - Returns: nil when the series under these labels is of another kind.
  mutating func cell<Made: Cell>(
    _ labels: LabelText, room: Int, make: () -> Made
  ) -> (cell: Made, isOverflow: Bool)? {
    if let known = cells[labels] { return (known as? Made).map { ($0, false) } }
    let isFull = cells.count - (cells[.overflow] == nil ? 0 : 1) >= room
    guard !isFull else {
      let cell = cells[.overflow] ?? make()
      cells[.overflow] = cell
      return (cell as? Made).map { ($0, true) }
    }
    let cell = make()
    cells[labels] = cell
    return (cell, false)
  }

  /// - Parameter samples: read for this scrape, beside what is kept.
  func write(_ samples: [LabelText: Double], to out: inout ExpositionText) {
    guard !cells.isEmpty || !samples.isEmpty else { return }
    out.head(description)
    for labels in Set(cells.keys).union(samples.keys).sorted() {
      if let cell = cells[labels] {
        cell.write(description.name, labels, to: &out)
      } else if let value = samples[labels] {
        out.sample(description.name, labels, value)
      }
    }
  }
}
