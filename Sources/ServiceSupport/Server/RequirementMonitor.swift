// SPDX-License-Identifier: Apache-2.0

import Logging
import ServiceLifecycle

/// Asks the systems that a server cannot answer without how they are, and lets its health follow them: load balancers then send
/// requests to a server whose own are well.
///
/// One that answers no is asked twice more before it counts as not well, so that a replica that is replaced moves nobody.
struct RequirementMonitor: Service {
  let probes: [String: HealthService.Probe]
  let health: HealthService
  let logger: Logger
  var interval = Duration.seconds(2)

  private static let patience = 3

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var failures: [String: Int] = [:]
      var wasAble = true
      while !Task.isCancelled {
        for (name, isWell) in await HealthService.answers(of: probes) {
          failures[name] = isWell ? 0 : failures[name, default: 0] + 1
        }
        let unwell = failures.filter { $0.value >= Self.patience }.keys.sorted()
        if unwell.isEmpty != wasAble {
          wasAble = unwell.isEmpty
          health.setAble(wasAble)
          logger.log(
            level: wasAble ? .notice : .warning,
            wasAble ? "serving again" : "not serving: what is needed to answer is not well",
            metadata: wasAble ? [:] : ["unwell": "\(unwell.joined(separator: ", "))"])
        }
        try? await Task.sleep(for: interval)
      }
    }
  }
}
