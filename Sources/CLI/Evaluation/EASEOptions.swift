// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets
import Models
import Training

/// Flags of whatever computes an EASE.
struct EASEOptions: ParsableArguments {
  @Option(help: ArgumentHelp("What keeps EASE's weights small, in users.", valueName: "users"))
  var easeRegularization = EASE.Settings().regularization

  func check() throws { try Self.check(settings) }

  var settings: EASE.Settings {
    var settings = EASE.Settings()
    settings.regularization = easeRegularization
    return settings
  }

  static func check(_ settings: EASE.Settings) throws {
    do throws(TrainingError) {
      try settings.check()
    } catch {
      throw ValidationError("--ease-…: \(error.message).")
    }
  }
}

/// Flags of the method `ease`.
struct EASERankingOptions: ParsableArguments {
  @OptionGroup var ease: EASEOptions
  @Option(
    help: ArgumentHelp(
      "What an item of the history counts beside the one met after it, in (0, 1]; 1, all alike, is as published.",
      valueName: "share"))
  var easeDecay = EASE.Settings().decay

  func check() throws { try EASEOptions.check(settings) }

  var settings: EASE.Settings {
    var settings = ease.settings
    settings.decay = easeDecay
    return settings
  }
}

/// Flags of EASE where it makes features: histories have no order in them, which is for the user model to learn.
struct EASEFeaturesOptions: ParsableArguments {
  @OptionGroup var ease: EASEOptions
  @Option(
    help: ArgumentHelp(
      "Columns of each of EASE's two factors, 1 to 1,024; as many as there are items where these are fewer.",
      valueName: "n"))
  var easeRank = 128

  func check() throws {
    guard (1...1024).contains(easeRank) else { throw ValidationError("--ease-rank must be 1 to 1,024.") }
    try ease.check()
  }

  func features(of data: EvaluatedData, seed: UInt64) throws -> Matrix {
    let method = try data.ease(ease.settings)
    return try data.showing("Factors of EASE") { progress in
      try method.features(rank: min(easeRank, data.dataset.items.count), seed: seed, progress: progress)
    }
  }
}

extension EvaluatedData {
  /// Computes on the calling thread and blocks.
  func ease(_ settings: EASE.Settings) throws -> EASE {
    try showing("EASE") { progress in try EASE(dataset: dataset, settings: settings, progress: progress) }
  }

  /// Shows how far work is that tells its share, and ends it when the user does.
  fileprivate func showing<Value>(_ name: String, _ work: ((Double) throws -> Void) throws -> Value) throws -> Value {
    let items = dataset.items.count
    let bar = ProgressBar(name, total: items, unit: "items")
    defer { bar.finish() }
    return try work { share in
      try interruption.check()
      bar.update(completed: Int(Double(items) * share))
    }
  }
}
