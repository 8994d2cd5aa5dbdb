// SPDX-License-Identifier: Apache-2.0

package import ServiceSupport

/// What the gateway is configured with, beside what every service has.
package struct RecommenderConfiguration: Sendable {
  package let targets: RecommenderSettings
  package var limits: RecommenderLimits

  package init(_ service: ServiceSettings) throws(SettingsError) {
    targets = try service.all.read()
    limits = try service.all.read()
    limits.maxMessageBytes = service.maxMessageBytes
  }
}
