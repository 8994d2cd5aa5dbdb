import Kernels
import ModelServing
import Models
import ServiceSupport

/// What the service is configured with, beside what every service has.
struct LLMConfiguration: Sendable {
  var served: ModelSettings
  var checkpoint: CheckpointLocation
  var model: UserModel.Configuration
  var limits: RequestLimits

  init(_ settings: ServiceSettings) throws(SettingsError) {
    typealias Keys = LLMCommand.Keys
    let all = settings.all
    served = try ModelSettings(all)
    checkpoint = CheckpointLocation(bundle: served.bundle, llmWeights: all.optional(Keys.llmWeights))
    model = UserModel.Configuration(
      spaces: served.spaces,
      spaceWeights: try Self.weights(all.optional(Keys.spaceWeights)),
      maxHistoryItems: try all.value(Keys.maxHistoryItems), maxPromptTokens: try all.value(Keys.maxPromptTokens),
      maxItemListTokens: try all.value(Keys.maxItemListTokens), threads: served.threads,
      prefixCacheBytes: try all.value(Keys.prefixCacheBytes),
      prefixCacheElement: Self.elements[try all.value(Keys.prefixCachePrecision)],
      loading: served.loading)
    limits = RequestLimits(
      maxUsers: try all.value(Keys.maxUsers), maxRequestHistoryItems: try all.value(Keys.maxRequestHistoryItems),
      maxTextBytes: try all.value(Keys.maxTextBytes), maxMessageBytes: settings.maxMessageBytes,
      maxQueueTokens: try all.value(Keys.maxQueueTokens), maxBatchTokens: try all.value(Keys.maxBatchTokens))
    try check()
  }

  /// What no single value can tell.
  private func check() throws(SettingsError) {
    guard limits.maxQueueTokens >= max(limits.maxBatchTokens, model.maxPromptTokens) else {
      throw SettingsError(
        "--max-queue-tokens is \(limits.maxQueueTokens); it must hold a batch (\(limits.maxBatchTokens)) and a prompt "
          + "(\(model.maxPromptTokens))",
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
