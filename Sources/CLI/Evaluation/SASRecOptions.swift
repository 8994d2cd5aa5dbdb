// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Training

/// Flags of commands that train a SASRec. What is left out is as in the publication.
struct SASRecOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Epochs at most; training ends earlier when validation gets no better.", valueName: "n"))
  var epochs = SASRecSettings().epochs
  @Option(help: ArgumentHelp("Validations without a better one before SASRec's training ends.", valueName: "n"))
  var patience = SASRecSettings().patience
  @Option(help: ArgumentHelp("Share of the elements that SASRec drops in training, in [0, 1).", valueName: "share"))
  var dropout = SASRecSettings().dropout
  @Option(help: ArgumentHelp("SASRec's learning rate.", valueName: "rate"))
  var learningRate = SASRecSettings().learningRate
  @Option(help: ArgumentHelp("Width of SASRec's item embeddings.", valueName: "n"))
  var width = SASRecSettings().width
  @Option(help: ArgumentHelp("Newest items of a history that SASRec reads.", valueName: "n"))
  var length = SASRecSettings().length

  @Option(
    help: ArgumentHelp(
      "What SASRec learns by: bce, one item that was never met, as published; or cross-entropy, over all items.",
      valueName: "loss"))
  var sasrecLoss = SASRecLoss.binary

  func check() throws {
    do {
      try settings(seed: 0).check()
    } catch {
      throw ValidationError(error.message)
    }
  }

  func settings(seed: UInt64) -> SASRecSettings {
    var settings = SASRecSettings()
    settings.epochs = epochs
    settings.patience = patience
    settings.dropout = dropout
    settings.learningRate = learningRate
    settings.width = width
    settings.length = length
    settings.loss = sasrecLoss == .binary ? nil : sasrecLoss
    settings.seed = seed
    return settings
  }
}

extension SASRecLoss: ExpressibleByArgument {}

/// Trains SASRec and shows how far it is.
struct SASRecRun {
  let dataset: EvaluatedData
  let settings: SASRecSettings
  /// One for each CPU when nil.
  var threads: Int? = nil

  /// Computes on the calling thread and blocks.
  func train() throws -> SASRecTraining.Outcome {
    let bar = ProgressBar("SASRec, seed \(settings.seed)", total: settings.epochs, unit: "epochs")
    defer { bar.finish() }
    return try SASRecTraining(dataset: dataset.dataset, settings: settings, threads: threads).run { progress in
      try dataset.interruption.check()
      var note = "loss \(progress.loss.rounded(to: 3))"
      if let best = progress.best { note += ", validation Hit@5 \(best.hit5.rounded(to: 3)) at best" }
      bar.update(completed: progress.epoch, note: note)
    }
  }
}
