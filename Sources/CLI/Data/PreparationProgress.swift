// SPDX-License-Identifier: Apache-2.0

import Datasets
import Synchronization

/// Shows a preparation's stages, each with a bar of its own. One thread reports.
final class PreparationProgress: Sendable {
  private let shown: Mutex<(stage: PreparationStage, bar: ProgressBar)?> = Mutex(nil)

  func update(_ stage: PreparationStage, completed: Int, total: Int?) {
    shown.withLock { shown in
      if shown?.stage != stage {
        shown?.bar.finish()
        shown = Self.bar(for: stage, total: total).map { (stage, $0) }
      }
      shown?.bar.update(completed: Self.units(completed, of: stage))
    }
  }

  func finish() {
    shown.withLock { shown in
      shown?.bar.finish()
      shown = nil
    }
  }

  /// Nil for what is over before it could be seen.
  private static func bar(for stage: PreparationStage, total: Int?) -> ProgressBar? {
    switch stage {
    case .reading(let file):
      if let total, total < 10_000_000 { return nil }
      let name = file.split(separator: "/").last.map(String.init) ?? file
      return ProgressBar("Reading \(name)", total: total.map { units($0, of: stage) }, unit: "MB")
    case .checkingImages: return ProgressBar("Checking", total: total, unit: "images")
    case .placingImages: return ProgressBar("Placing", total: total, unit: "images")
    }
  }

  private static func units(_ count: Int, of stage: PreparationStage) -> Int {
    if case .reading = stage { return (count + 500_000) / 1_000_000 }
    return count
  }
}
