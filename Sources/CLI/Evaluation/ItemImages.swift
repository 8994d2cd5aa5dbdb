import Datasets
import Foundation
import Models

/// The image embeddings of a dataset's items, by a checkpoint's vision tower.
struct ItemImages {
  let data: EvaluatedData
  let checkpoint: CheckpointLocation
  private static let imagesAtOnce = 16

  /// One for each item; nil for one without an image, or whose image cannot be read. Computes on the calling thread.
  func embeddings() throws -> [[Float]?] {
    let model = try ImageModel(checkpoint: checkpoint, spaces: [.image])
    let items = data.dataset.items
    var embeddings = [[Float]?](repeating: nil, count: items.count)
    let shown = items.indices.filter { items[$0].image != nil }
    let bar = ProgressBar("Images", total: shown.count, unit: "images")
    defer { bar.finish() }
    var unreadable = 0
    for start in stride(from: 0, to: shown.count, by: Self.imagesAtOnce) {
      try data.interruption.check()
      let batch = shown[start..<min(start + Self.imagesAtOnce, shown.count)]
      let prepared = batch.compactMap { item in prepare(items[item].image ?? "", model).map { (item, $0) } }
      unreadable += batch.count - prepared.count
      let rows = try model.embeddings(of: prepared.map(\.1))
      for (row, entry) in prepared.enumerated() { embeddings[entry.0] = Array(rows[row: row]) }
      bar.update(completed: start + batch.count, note: unreadable == 0 ? "" : "\(unreadable) unreadable")
    }
    return embeddings
  }

  private func prepare(_ path: String, _ model: ImageModel) -> PreparedImage? {
    guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe) else { return nil }
    return bytes.withUnsafeBytes { try? model.preprocessing.prepare(encoded: $0, limits: ImageLimits()) }
  }
}
