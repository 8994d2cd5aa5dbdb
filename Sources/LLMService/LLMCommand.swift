import ArgumentParser
import ModelServing
import ServiceSupport

@main
struct LLMCommand: AsyncParsableCommand {
  enum Keys {
    static let llmWeights = SettingKey<String>(
      "llm-weights",
      "Directory of the frozen LLM's config.json and weights when they do not lie in the checkpoint's llm/",
      placeholder: "dir")
    static let spaceWeights = SettingKey<String>(
      "space-weights",
      "What each space counts, separated by commas, in the order of the spaces; all the same by default",
      placeholder: "list")
    static let maxHistoryItems = SettingKey<Int>(
      "max-history-items", "Newest items of a history that are read", unit: "items", default: 10,
      allowed: .range(1...1000))
    static let maxPromptTokens = SettingKey<Int>(
      "max-prompt-tokens", "Longest prompt, [REC] included; the LLM's context", unit: "tokens", default: 4096,
      allowed: .range(16...131_072))
    static let maxItemListTokens = SettingKey<Int>(
      "max-item-list-tokens", "A history's list of items is kept below this by leaving out the oldest", unit: "tokens",
      default: 3850, allowed: .range(1...131_072))
    static let maxUsers = SettingKey<Int>(
      "max-users-per-request", "Most users of a unary request", unit: "users", default: RequestLimits().maxUsers,
      allowed: .range(1...4096))
    static let maxRequestHistoryItems = SettingKey<Int>(
      "max-request-history-items", "Most items that a request may hold for one user", unit: "items",
      default: RequestLimits().maxRequestHistoryItems, allowed: .range(1...100_000))
    static let maxTextBytes = SettingKey<Int>(
      "max-text-bytes", "Most text of one prompt", unit: "bytes", default: RequestLimits().maxTextBytes,
      allowed: .range(1024...(64 << 20)))
    static let maxBatchTokens = SettingKey<Int>(
      "max-batch-tokens",
      "Most tokens computed together, cached ones not counted; more gain little and every request of a batch waits for all of it",
      unit: "tokens", default: RequestLimits().maxBatchTokens, allowed: .range(1...1_000_000))
    static let maxQueueTokens = SettingKey<Int>(
      "max-queue-tokens", "Most tokens that wait to be computed; more are refused with RESOURCE_EXHAUSTED",
      unit: "tokens",
      default: RequestLimits().maxQueueTokens, allowed: .range(1...100_000_000))
    static let prefixCacheBytes = SettingKey<Int>(
      "prefix-cache-bytes",
      "Memory for keys and values of prompts' beginnings, so that a user whose history grew pays for what is new; 0 for none",
      unit: "bytes", default: 1 << 30, allowed: .range(0...(1 << 46)))
    static let prefixCachePrecision = SettingKey<String>(
      "prefix-cache-precision",
      "How they are kept. f32: as they were computed. bf16: in half the memory; results move by up to 1e-2 of their length. "
        + "auto: f32 when the precision is f32, else bf16",
      placeholder: "type", default: "auto", allowed: .oneOf(["auto", "f32", "bf16"]))

    static let all: [any AnySettingKey] =
      [
        llmWeights, spaceWeights, maxHistoryItems, maxPromptTokens, maxItemListTokens,
        maxUsers, maxRequestHistoryItems, maxTextBytes, maxBatchTokens, maxQueueTokens, prefixCacheBytes,
        prefixCachePrecision,
      ] + ModelSettings.Keys.all
  }

  static let configuration = CommandConfiguration(
    commandName: "illmrec-llm",
    abstract: "Encodes interaction histories into user vectors with a frozen LLM.",
    discussion: """
      Serves illmrec.llm.v1.LLMService (EncodeUsers, StreamEncodeUsers, CountTokens, GetServerInfo) and \
      grpc.health.v1.Health.

      A history is put into the prompt that the checkpoint was trained with: the published one of each item's title and, for \
      its image, the soft token that EncoderService made of it, or the compact one of soft tokens alone. The LLM's hidden state at [REC], projected, is the vector that RetrievalService searches with. Users of \
      different requests are computed together, and what prompts of one cache_scope have in common at their beginning is \
      computed once. GetServerInfo names the model, its dimensions and every limit.

      Try it:
        illmrec-llm --checkpoint CHECKPOINT                          listens on 127.0.0.1:50052
        illmrec-llm --checkpoint REC --llm-weights Sheared-LLaMA-2.7B  with the LLM in a directory of its own
        illmrec-llm --checkpoint CHECKPOINT --precision int8         a quarter of the memory of f32
        grpc_health_probe -addr 127.0.0.1:50052                      says SERVING once the model is loaded
        illmrec verify GOLDEN                                        compares it with the framework that trained it
      """,
    version: Product.version)

  @OptionGroup var service: ServiceOptions
  @OptionGroup var model: ModelOptions
  @Option(name: Keys.llmWeights.flagName, help: Keys.llmWeights.help) var llmWeights: String?
  @Option(name: Keys.spaceWeights.flagName, help: Keys.spaceWeights.help) var spaceWeights: String?
  @Option(name: Keys.maxHistoryItems.flagName, help: Keys.maxHistoryItems.help) var maxHistoryItems: Int?
  @Option(name: Keys.maxPromptTokens.flagName, help: Keys.maxPromptTokens.help) var maxPromptTokens: Int?
  @Option(name: Keys.maxItemListTokens.flagName, help: Keys.maxItemListTokens.help) var maxItemListTokens: Int?
  @Option(name: Keys.maxUsers.flagName, help: Keys.maxUsers.help) var maxUsers: Int?
  @Option(name: Keys.maxRequestHistoryItems.flagName, help: Keys.maxRequestHistoryItems.help)
  var maxRequestHistoryItems: Int?
  @Option(name: Keys.maxTextBytes.flagName, help: Keys.maxTextBytes.help) var maxTextBytes: Int?
  @Option(name: Keys.maxBatchTokens.flagName, help: Keys.maxBatchTokens.help) var maxBatchTokens: Int?
  @Option(name: Keys.maxQueueTokens.flagName, help: Keys.maxQueueTokens.help) var maxQueueTokens: Int?
  @Option(name: Keys.prefixCacheBytes.flagName, help: Keys.prefixCacheBytes.help) var prefixCacheBytes: Int?
  @Option(name: Keys.prefixCachePrecision.flagName, help: Keys.prefixCachePrecision.help)
  var prefixCachePrecision: String?

  func run() async throws {
    let (settings, configuration) = try configuration()
    try await ServiceRunner.run(name: "llm", settings: settings) { logger in
      try await LLMServer.load(configuration, logger: logger)
    }
  }

  /// Resolves and checks everything, before anything is started.
  func configuration() throws -> (ServiceSettings, LLMConfiguration) {
    let settings = try service.resolve(keys: Keys.all, flags: flags, defaultPort: 50052)
    return try ServiceOptions.asUsageError { () throws(SettingsError) in (settings, try LLMConfiguration(settings)) }
  }

  private var flags: [FlagSetting?] {
    [
      Keys.llmWeights.flag(llmWeights), Keys.spaceWeights.flag(spaceWeights),
      Keys.maxHistoryItems.flag(maxHistoryItems),
      Keys.maxPromptTokens.flag(maxPromptTokens), Keys.maxItemListTokens.flag(maxItemListTokens),
      Keys.maxUsers.flag(maxUsers),
      Keys.maxRequestHistoryItems.flag(maxRequestHistoryItems), Keys.maxTextBytes.flag(maxTextBytes),
      Keys.maxBatchTokens.flag(maxBatchTokens), Keys.maxQueueTokens.flag(maxQueueTokens),
      Keys.prefixCacheBytes.flag(prefixCacheBytes), Keys.prefixCachePrecision.flag(prefixCachePrecision),
    ] + model.flags
  }
}
