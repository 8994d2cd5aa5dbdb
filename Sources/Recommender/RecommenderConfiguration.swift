// SPDX-License-Identifier: Apache-2.0

package import ServiceSupport

/// What the gateway is configured with, beside what every service has.
package struct RecommenderConfiguration: Sendable {
  package let targets: RecommenderSettings
  package var limits: RecommenderLimits
  /// How the services are called.
  package var outgoing: ClientOptions

  package init(_ service: ServiceSettings) throws(SettingsError) {
    targets = try service.all.read()
    for (target, key) in [
      (targets.encoder, targets.$encoder), (targets.llm, targets.$llm), (targets.retrieval, targets.$retrieval),
    ] {
      try ServiceTarget.check([target], of: key)
    }
    limits = try service.all.read()
    limits.maxMessageBytes = service.maxMessageBytes
    outgoing = try service.outgoing()
    outgoing.maxMessageBytes = limits.maxMessageBytes
  }
}
