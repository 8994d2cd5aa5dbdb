// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser

/// The flags that every service takes: `@OptionGroup var service: ServiceOptions`.
package struct ServiceOptions: ParsableArguments {
  @OptionGroup package var flags: SettingFlags<ServiceSettings>
  @Flag(help: "Check the configuration, print each value with its source, and end without starting anything.")
  package var checkConfig = false
  @Option(
    help: ArgumentHelp(
      "JSON file with values for any of these flags, named as they are; flags and ILLMREC_* variables come first.",
      valueName: "file"))
  package var config: String?

  package init() {}

  /// Resolves these flags together with a service's own, and reads what they configure.
  ///
  /// - Parameters:
  ///   - groups: the service's own flags.
  ///   - read: makes the service's configuration, and checks what no single value can tell.
  /// - Throws: ValidationError (exit code 64) for what was typed wrongly in a flag, a variable or the configuration file,
  ///   SettingsError (exit code 1) for a file that cannot be read.
  package func resolve<Configuration>(
    _ groups: [any AnySettingFlags], defaultPort: Int,
    _ read: (ServiceSettings) throws(SettingsError) -> Configuration
  ) throws -> (ServiceSettings, Configuration) {
    if config?.isEmpty == true { throw ValidationError("--config is empty; name a file or leave it out") }
    let groups: [any AnySettingFlags] = [flags] + groups
    do throws(SettingsError) {
      let all = try Settings(
        keys: groups.flatMap { type(of: $0).keys }, flags: groups.flatMap(\.given), file: config)
      var settings = try ServiceSettings(all, defaultPort: defaultPort)
      settings.isOnlyChecked = checkConfig
      return (settings, try read(settings))
    } catch {
      throw error.isUsage ? ValidationError(error.message) : error
    }
  }

  /// Resolves these flags alone.
  package func resolve(defaultPort: Int) throws -> ServiceSettings {
    try resolve([], defaultPort: defaultPort) { _ in }.0
  }
}
