// SPDX-License-Identifier: Apache-2.0

import Metrics
package import PrometheusMetrics

/// The process's metrics, once somebody has asked for them: swift-metrics has one backend for a process.
package enum ServiceMetrics {
  /// The first use makes it what every metric that is made from then on goes to; before it, metrics go nowhere.
  package static let registry: PrometheusRegistry = {
    let registry = PrometheusRegistry(MetricCatalog.all)
    registry.add(ProcessMetrics.samples)
    MetricsSystem.bootstrap(registry)
    return registry
  }()
}
