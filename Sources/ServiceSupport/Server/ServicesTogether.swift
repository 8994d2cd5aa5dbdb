// SPDX-License-Identifier: Apache-2.0

import ServiceLifecycle

/// Several services that drain at the same time; a group of swift-service-lifecycle ends them one after the other.
struct ServicesTogether: Service {
  let services: [any Service]

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for service in services { group.addTask { try await service.run() } }
      // The first that fails ends the others.
      try await group.waitForAll()
    }
  }
}
