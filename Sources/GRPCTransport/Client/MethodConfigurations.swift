// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// Finds the configuration that a service config holds for a method: its own, else its service's, else the one for all.
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
    return configurations[MethodConfig.Name(service: service, method: method.method)]
      ?? configurations[MethodConfig.Name(service: service, method: "")]
      ?? configurations[MethodConfig.Name(service: "", method: "")]
  }
}
