import Foundation
package import Models
package import ServiceSupport

/// What a service that holds a model is told about it.
package struct ModelSettings: Sendable {
  package enum Keys {
    package static let checkpoint = SettingKey<String>(
      "checkpoint",
      "Directory of the checkpoint: rec_module/, beside it vision_tower/ for the encoder, llm/ and llm_parameter/ for the "
        + "LLM service",
      placeholder: "dir")
    package static let spaces = SettingKey<String>(
      "spaces",
      "Spaces of item and user vectors, separated by commas: image, cf, text; the same in both services and in the index",
      placeholder: "list", default: "image")
    package static let name = SettingKey<String>(
      "model-name", "Name of the checkpoint in every answer; by default the directory's", placeholder: "name")
    package static let version = SettingKey<String>(
      "model-version", "Version of the checkpoint in every answer", placeholder: "version", default: "1")
    package static let threads = SettingKey<Int>(
      "threads", "Threads that compute; 0 for one per CPU", unit: "threads", default: 0, allowed: .range(0...1024))
    package static let precision = SettingKey<String>(
      "precision",
      "What weight matrices are stored and multiplied in. f32: as the checkpoint says, 4 bytes a weight. bf16: 2 bytes and "
        + "up to twice the speed on small batches; answers differ by less than 3 percent. int8: 1 byte and about 4 times the "
        + "speed; check what it does to your rankings, and encode the catalog in it too. auto: bf16 on a CPU with AVX-512, else f32",
      placeholder: "type", default: "auto", allowed: .oneOf(["auto", "f32", "bf16", "int8"]))
    package static let computePath = SettingKey<String>(
      "compute-path",
      "Instructions that multiply bf16 and int8; auto tries each for a millisecond and takes the fastest",
      placeholder: "path", default: "auto",
      allowed: .oneOf(["auto", "portable", "avx2", "avx-vnni", "avx512", "avx512-bf16"]))
    package static let packedCache = SettingKey<String>(
      "packed-cache",
      "Directory that keeps packed matrices, as large as the model in memory, for a quick next start; \"off\" for none. By "
        + "default illmrec/packed in CACHE_DIRECTORY, XDG_CACHE_HOME or ~/.cache",
      placeholder: "dir", default: "auto")

    package static let all: [any AnySettingKey] = [
      checkpoint, spaces, name, version, threads, precision, computePath, packedCache,
    ]
  }

  /// The checkpoint's directory.
  package let bundle: String
  package let spaces: [Space]
  package let name: String
  package let version: String
  /// Threads that compute; nil for one per CPU.
  package let threads: Int?
  /// How matrices are kept.
  package let loading: LoadingOptions

  package init(
    _ settings: Settings, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(SettingsError) {
    bundle = try settings.value(Keys.checkpoint)
    spaces = try Self.spaces(try settings.value(Keys.spaces))
    name = settings.optional(Keys.name) ?? bundle.split(separator: "/").last.map(String.init) ?? bundle
    version = try settings.value(Keys.version)
    threads = Self.unlessZero(try settings.value(Keys.threads))
    loading = try Self.loading(settings, environment)
  }

  /// A number whose 0 says that the service decides.
  package static func unlessZero(_ value: Int) -> Int? { value == 0 ? nil : value }

  private static func spaces(_ list: String) throws(SettingsError) -> [Space] {
    var spaces: [Space] = []
    for name in list.split(separator: ",") {
      guard let space = Space.allCases.first(where: { "\($0)" == name || $0.checkpointName == name }) else {
        throw SettingsError("--spaces names \"\(name)\"; allowed: image, cf, text, separated by commas", isUsage: true)
      }
      spaces.append(space)
    }
    return spaces
  }

  private static func loading(
    _ settings: Settings, _ environment: [String: String]
  ) throws(SettingsError) -> LoadingOptions {
    let precision = unlessAutomatic(try settings.value(Keys.precision))
    let computePath = unlessAutomatic(try settings.value(Keys.computePath))
    let packedCache = packedCache(try settings.value(Keys.packedCache), environment)
    do throws(ModelError) {
      return try LoadingOptions(precision: precision, computePath: computePath, packedCache: packedCache)
    } catch {
      throw SettingsError(error.message, isUsage: true)
    }
  }

  private static func unlessAutomatic(_ value: String) -> String? { value == "auto" ? nil : value }

  /// Nil for off, and where no directory of the kind is known.
  private static func packedCache(_ value: String, _ environment: [String: String]) -> String? {
    switch value {
    case "off": return nil
    case "auto":
      let caches =
        environment["CACHE_DIRECTORY"] ?? environment["XDG_CACHE_HOME"] ?? environment["HOME"].map { $0 + "/.cache" }
      return caches.map { $0 + "/illmrec/packed" }
    default: return value
    }
  }
}
