// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ServiceSupport

/// The echo served as the three services are: with their interceptors, metrics, limits and checks, by their flags.
@main
struct EchoProbe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "EchoProbe", abstract: "Serves the benchmark's echo with everything that a service does for a call.")

  @OptionGroup var service: ServiceOptions

  func run() async throws {
    let (settings, _) = try service.resolve([], defaultPort: 50059) { _ throws(SettingsError) in }
    try await ServiceRunner.run(name: "echo", settings: settings) { _ in ServiceParts(services: [Echo()]) }
  }
}
