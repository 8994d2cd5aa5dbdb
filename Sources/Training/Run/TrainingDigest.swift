// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Digest
import Items
package import Models

/// Short digests by which a run that goes on knows its data again.
package enum TrainingDigest {
  /// Of the users' sequences and what prompts and questions read of the items.
  package static func of(_ dataset: Dataset) -> String {
    var digest = SHA256()
    for user in dataset.users { digest.update("\(user.id) \(user.items) \(user.negatives)\n") }
    for item in dataset.items {
      digest.update(
        "\([item.id, item.texts.title, item.texts.description] + Attribute.allCases.map { $0.value(of: item) ?? "" })\n"
      )
    }
    return String(digest.finishHex().prefix(16))
  }

  /// Of what a model of behaviour alone learns from: the items' order and each user's training sequence.
  package static func ofSequences(_ dataset: Dataset) -> String {
    var digest = SHA256()
    for item in dataset.items { digest.update("\([item.id])\n") }
    for user in dataset.users { digest.update("\(Array(user.trainingItems))\n") }
    return String(digest.finishHex().prefix(16))
  }

  /// Of the image embeddings and the features in the spaces in use.
  package static func of(_ items: TrainingItems, in spaces: [Space]) -> String {
    var digest = SHA256()
    let tokens = items.tokenFeatures == [.image] ? [] : [items.tokens]
    for table in [items.images] + spaces.compactMap({ items.features[$0] }) + tokens {
      digest.update("\(table.width)\n")
      for row in table.rows { digest.update(row.withUnsafeBytes { SHA256.hex(of: $0) }) }
    }
    return String(digest.finishHex().prefix(16))
  }
}

extension TrainingPlan {
  /// What a run goes on with only if it is the same, by the flags' names.
  package var settings: [String: String] {
    var settings = [
      "--epochs or --steps": "\(totalSteps) steps", "--samples-per-user": "\(options.samplesPerUser)",
      "--batch-size": "\(options.batchSize)",
      "--accumulation": "\(options.accumulation)", "--learning-rate": "\(options.learningRate)",
      "--warmup-steps": "\(options.warmupSteps)",
      "--weight-decay": "\(options.weightDecay)", "--clip": "\(options.clippingNorm ?? 0)",
      "--validation-steps": options.validationSteps.map { "\($0)" } ?? "an epoch",
      "--patience": options.patience.map { "\($0)" } ?? "none", "--seed": "\(sampler.options.seed)",
      "--max-interactions": "\(sampler.options.maxInteractions)",
      "--prompts": sampler.promptStyle.rawValue, "--no-questions": "\(!sampler.options.asksQuestions)",
      "the questions": sampler.questionsDigest,
    ]
    // Runs of before know nothing of these.
    if options.dropout > 0 { settings["--dropout"] = "\(options.dropout)" }
    if sampler.options.histories != .windows { settings["--histories"] = sampler.options.histories.rawValue }
    assert(settings.keys.allSatisfy(Self.settingNames.contains), "settings that are not named")
    return settings
  }

  /// Of all settings that a plan may have.
  package static let settingNames: Set = [
    "--epochs or --steps", "--samples-per-user", "--batch-size", "--accumulation", "--learning-rate", "--warmup-steps",
    "--weight-decay", "--clip", "--validation-steps", "--patience", "--seed", "--max-interactions", "--prompts",
    "--no-questions", "the questions", "--dropout", "--histories",
  ]
}
