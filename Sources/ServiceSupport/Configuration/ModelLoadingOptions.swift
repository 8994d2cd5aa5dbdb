package import ArgumentParser

/// The flags of services that hold a model: `@OptionGroup var loading: ModelLoadingOptions`.
package struct ModelLoadingOptions: ParsableArguments {
  private typealias Keys = ModelLoadingSettings.Keys

  @Option(name: Keys.precision.flagName, help: Keys.precision.help)
  package var precision: String?
  @Option(name: Keys.computePath.flagName, help: Keys.computePath.help)
  package var computePath: String?
  @Option(name: Keys.packedCache.flagName, help: Keys.packedCache.help)
  package var packedCache: String?

  package init() {}

  package var flags: [FlagSetting?] {
    [
      Keys.precision.flag(precision), Keys.computePath.flag(computePath), Keys.packedCache.flag(packedCache),
    ]
  }
}
