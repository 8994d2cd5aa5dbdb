// SPDX-License-Identifier: Apache-2.0

import GRPCCore
package import ServiceAPI

extension Common_ModelRef {
  /// - Parameter version: what the request asks for; empty for any.
  /// - Throws: FAILED_PRECONDITION (MODEL_VERSION_NOT_SERVED) unless this is it.
  package func requireVersion(_ version: String, field: String) throws(ServiceFailure) {
    guard version.isEmpty || version == self.version else {
      throw ServiceFailure(
        .modelVersionNotServed,
        "version \"\(version)\" of \(name) is not served here; this server runs \"\(self.version)\": "
          + "leave the field empty or ask a server that runs yours",
        field: field)
    }
  }
}
