import ArgumentParser
import ModelServing
import Models
import ServiceSupport

@main
struct EncoderCommand: AsyncParsableCommand {
  enum Keys {
    static let store = SettingKey<String>(
      "store", "SQLite file of the catalog: items and image embeddings; created when it does not exist",
      placeholder: "file")
    static let maxItems = SettingKey<Int>(
      "max-items-per-request", "Most items of a unary request", unit: "items", default: RequestLimits().maxItems,
      allowed: .range(1...10_000))
    static let maxImageBytes = SettingKey<Int>(
      "max-image-bytes", "Largest image file", unit: "bytes", default: ImageLimits().maxBytes,
      allowed: .range(1024...1 << 30))
    static let maxImagePixels = SettingKey<Int>(
      "max-image-pixels", "Most pixels of an image, checked in its header before it is decoded", unit: "pixels",
      default: ImageLimits().maxPixels, allowed: .range(1024...1_000_000_000))
    static let maxQueueItems = SettingKey<Int>(
      "max-queue-items", "Most images that wait for the tower; more are refused with RESOURCE_EXHAUSTED",
      unit: "images",
      default: RequestLimits().maxQueueItems, allowed: .range(64...1_000_000))
    static let maxBatchItems = SettingKey<Int>(
      "max-batch-items", "Most images that go through the tower together; 0 for as many as keep it at full speed",
      unit: "images", default: 0, allowed: .range(0...64))
    static let decodeThreads = SettingKey<Int>(
      "decode-threads", "Threads that hash and decode images; 0 for one per CPU", unit: "threads", default: 0,
      allowed: .range(0...256))

    static let all: [any AnySettingKey] =
      [
        store, maxItems, maxImageBytes, maxImagePixels, maxQueueItems,
        maxBatchItems, decodeThreads,
      ] + ModelSettings.Keys.all
  }

  static let configuration = CommandConfiguration(
    commandName: "illmrec-encoder",
    abstract: "Encodes item images into embeddings, soft tokens and item vectors, and keeps the catalog.",
    discussion: """
      Serves illmrec.encoder.v1.EncoderService (EncodeImages, StreamEncodeImages, ProjectEmbeddings, LookupItems, \
      ExportItems, GetServerInfo) and grpc.health.v1.Health.

      The store keeps, for every image, what the vision tower made of it, under the SHA-256 of its bytes: the same image never \
      runs twice, and a checkpoint with a new adaptor but the same tower needs no second look. Soft tokens and item vectors \
      follow from it on every read. What was acknowledged is on the disk: an upload that was cut off is simply sent again. \
      For a backup while it runs: sqlite3 FILE ".backup COPY".

      Try it:
        illmrec-encoder --checkpoint CHECKPOINT --store items.sqlite    listens on 127.0.0.1:50051
        illmrec catalog encode --help                                   uploads a folder of images
        grpc_health_probe -addr 127.0.0.1:50051                         says SERVING once the model is loaded
        illmrec verify GOLDEN                                           compares it with the framework that trained it
      """,
    version: Product.version)

  @OptionGroup var service: ServiceOptions
  @OptionGroup var model: ModelOptions
  @Option(name: Keys.store.flagName, help: Keys.store.help) var store: String?
  @Option(name: Keys.maxItems.flagName, help: Keys.maxItems.help) var maxItems: Int?
  @Option(name: Keys.maxImageBytes.flagName, help: Keys.maxImageBytes.help) var maxImageBytes: Int?
  @Option(name: Keys.maxImagePixels.flagName, help: Keys.maxImagePixels.help) var maxImagePixels: Int?
  @Option(name: Keys.maxQueueItems.flagName, help: Keys.maxQueueItems.help) var maxQueueItems: Int?
  @Option(name: Keys.maxBatchItems.flagName, help: Keys.maxBatchItems.help) var maxBatchItems: Int?
  @Option(name: Keys.decodeThreads.flagName, help: Keys.decodeThreads.help) var decodeThreads: Int?

  func run() async throws {
    let settings = try service.resolve(keys: Keys.all, flags: flags, defaultPort: 50051)
    let configuration = try ServiceOptions.asUsageError { () throws(SettingsError) in
      try EncoderConfiguration(settings)
    }
    try await ServiceRunner.run(name: "encoder", settings: settings) { logger in
      try await EncoderServer.load(configuration, logger: logger)
    }
  }

  private var flags: [FlagSetting?] {
    [
      Keys.store.flag(store),
      Keys.maxItems.flag(maxItems), Keys.maxImageBytes.flag(maxImageBytes),
      Keys.maxImagePixels.flag(maxImagePixels), Keys.maxQueueItems.flag(maxQueueItems),
      Keys.maxBatchItems.flag(maxBatchItems), Keys.decodeThreads.flag(decodeThreads),
    ] + model.flags
  }
}
