package import ArgumentParser
package import ServiceSupport

/// The flags of services that hold a model: `@OptionGroup var model: ModelOptions`.
package struct ModelOptions: ParsableArguments {
  private typealias Keys = ModelSettings.Keys

  @Option(name: Keys.checkpoint.flagName, help: Keys.checkpoint.help)
  package var checkpoint: String?
  @Option(name: Keys.spaces.flagName, help: Keys.spaces.help)
  package var spaces: String?
  @Option(name: Keys.name.flagName, help: Keys.name.help)
  package var name: String?
  @Option(name: Keys.version.flagName, help: Keys.version.help)
  package var version: String?
  @Option(name: Keys.threads.flagName, help: Keys.threads.help)
  package var threads: Int?
  @Option(name: Keys.precision.flagName, help: Keys.precision.help)
  package var precision: String?
  @Option(name: Keys.computePath.flagName, help: Keys.computePath.help)
  package var computePath: String?
  @Option(name: Keys.packedCache.flagName, help: Keys.packedCache.help)
  package var packedCache: String?

  package init() {}

  package var flags: [FlagSetting?] {
    [
      Keys.checkpoint.flag(checkpoint), Keys.spaces.flag(spaces), Keys.name.flag(name), Keys.version.flag(version),
      Keys.threads.flag(threads), Keys.precision.flag(precision), Keys.computePath.flag(computePath),
      Keys.packedCache.flag(packedCache),
    ]
  }
}
