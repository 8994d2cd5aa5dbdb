import Foundation

/// How a service keeps its model's matrices, as it is configured.
package struct ModelLoadingSettings: Sendable, Equatable {
  package enum Keys {
    package static let precision = SettingKey<String>(
      "precision",
      "What weight matrices are stored and multiplied in. f32: as the checkpoint says, 4 bytes a weight. bf16: 2 bytes and "
        + "up to twice the speed on small batches; answers differ by less than 3 percent. int8: 1 byte and about 4 times the "
        + "speed; check what it does to your rankings. auto: bf16 on a CPU with AVX-512, else f32",
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

    package static let all: [any AnySettingKey] = [precision, computePath, packedCache]
  }

  /// Nil for auto.
  package let precision: String?
  /// Nil for auto.
  package let computePath: String?
  /// Nil for off, and where no directory of the kind is known.
  package let packedCache: String?

  package init(
    _ settings: Settings, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(SettingsError) {
    precision = Self.unlessAutomatic(try settings.value(Keys.precision))
    computePath = Self.unlessAutomatic(try settings.value(Keys.computePath))
    switch try settings.value(Keys.packedCache) {
    case "off": packedCache = nil
    case "auto": packedCache = Self.cacheDirectory(environment).map { $0 + "/illmrec/packed" }
    case let directory: packedCache = directory
    }
  }

  private static func unlessAutomatic(_ value: String) -> String? { value == "auto" ? nil : value }

  private static func cacheDirectory(_ environment: [String: String]) -> String? {
    environment["CACHE_DIRECTORY"] ?? environment["XDG_CACHE_HOME"] ?? environment["HOME"].map { $0 + "/.cache" }
  }
}
