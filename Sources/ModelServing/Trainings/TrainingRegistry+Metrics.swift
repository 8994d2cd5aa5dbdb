// SPDX-License-Identifier: Apache-2.0

package import PrometheusMetrics
import ServiceAPI

extension TrainingRegistry {
  /// What is held now, for a scrape.
  package func samples() -> [MetricSample] {
    standings.filter(\.isOfTraining).flatMap { standing in
      let identity = standing.training.identity
      let name = ("training", String(identity.spaceFingerprint.prefix(12)))
      return [
        MetricSample(
          "illmrec_training_loaded",
          [
            name, ("name", identity.name), ("version", identity.version),
            ("is_default", standing.isDefault ? "true" : "false"),
          ], 1),
        MetricSample("illmrec_training_requests", [name], Double(standing.requests)),
        MetricSample("illmrec_training_bytes", [name], Double(standing.training.bytes)),
      ]
    }
  }
}
