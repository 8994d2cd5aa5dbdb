// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// Finds the configuration that a service config holds for a method: its own, else its service's, else the one for all.
///
/// Methods whose client sends a stream are neither retried nor hedged. grpc-swift-2 has both read the request from a
/// `BroadcastAsyncSequence`, which loses the last messages when the request ends between two looks of its reader, and of a stream
/// nobody can tell that some are missing.
struct MethodConfigurations: Sendable {
  private let configurations: [MethodConfig.Name: MethodConfig]

  init(_ serviceConfig: ServiceConfig) {
    var configurations: [MethodConfig.Name: MethodConfig] = [:]
    for configuration in serviceConfig.methodConfig {
      for name in configuration.names { configurations[name] = configuration }
    }
    self.configurations = configurations
  }

  subscript(_ method: MethodDescriptor) -> MethodConfig? {
    if configurations.isEmpty { return nil }
    let service = method.service.fullyQualifiedService
    var found =
      configurations[MethodConfig.Name(service: service, method: method.method)]
      ?? configurations[MethodConfig.Name(service: service, method: "")]
      ?? configurations[MethodConfig.Name(service: "", method: "")]
    if !method.hasOneRequest { found?.executionPolicy = nil }
    return found
  }
}
