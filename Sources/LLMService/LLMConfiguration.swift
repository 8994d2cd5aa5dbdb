// SPDX-License-Identifier: Apache-2.0

import Kernels
import ModelServing
import Models
import ServiceSupport

/// What the service is configured with, beside what every service has.
struct LLMConfiguration: Sendable {
  var served: ModelConfiguration
  var llmWeights: String?
  var model: UserModel.Configuration
  var limits: LLMLimits

  init(_ service: ServiceSettings) throws(SettingsError) {
    let settings = try service.all.read(LLMSettings.self)
    served = try ModelConfiguration(try service.all.read())
    llmWeights = settings.llmWeights
    served.trainings.llmWeights = settings.llmWeights
    try ServiceTarget.check([settings.retrieval].compactMap(\.self), of: settings.$retrieval)
    served.trainings.retrieval = settings.retrieval
    served.trainings.outgoing = try service.outgoing()
    model = UserModel.Configuration(
      spaces: served.spaces, spaceWeights: try Self.weights(settings.spaceWeights),
      maxHistoryItems: settings.maxHistoryItems, maxPromptTokens: settings.maxPromptTokens,
      maxItemListTokens: settings.maxItemListTokens, threads: served.threads,
      prefixCacheBytes: settings.prefixCacheBytes,
      prefixCacheElement: Self.elements[settings.prefixCachePrecision],
      loading: served.loading)
    limits = try service.all.read()
    limits.maxMessageBytes = service.maxMessageBytes
    try check()
  }

  func location(of checkpoint: ModelConfiguration.Checkpoint) -> CheckpointLocation {
    CheckpointLocation(directory: checkpoint.directory, llmWeights: llmWeights)
  }

  /// What no single value can tell.
  private func check() throws(SettingsError) {
    guard limits.maxQueueTokens >= max(limits.maxBatchTokens, model.maxPromptTokens) else {
      throw SettingsError(
        "--max-queue-tokens is \(limits.maxQueueTokens); it must hold a batch (\(limits.maxBatchTokens)) and a prompt "
          + "(\(model.maxPromptTokens))",
        isUsage: true)
    }
    guard limits.maxQueueTextBytes >= limits.maxTextBytes else {
      throw SettingsError(
        "--max-queue-text-bytes is \(limits.maxQueueTextBytes); it must hold a prompt's text (\(limits.maxTextBytes))",
        isUsage: true)
    }
    guard model.spaceWeights.map({ $0.count == model.spaces.count }) ?? true else {
      throw SettingsError(
        "--space-weights has \(model.spaceWeights?.count ?? 0) numbers for \(model.spaces.count) spaces; give one for each",
        isUsage: true)
    }
  }

  /// By the names that people write; `auto` is none of them.
  private static let elements: [String: RowStorage.Element] = ["f32": .float32, "bf16": .bfloat16]

  private static func weights(_ list: String?) throws(SettingsError) -> [Float]? {
    guard let list else { return nil }
    var weights: [Float] = []
    for text in list.split(separator: ",") {
      guard let weight = Float(text), weight.isFinite else {
        throw SettingsError(
          "--space-weights holds \"\(text)\"; give finite numbers, separated by commas", isUsage: true)
      }
      weights.append(weight)
    }
    return weights
  }
}
