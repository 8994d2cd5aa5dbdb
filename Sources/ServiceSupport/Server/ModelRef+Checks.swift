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

  /// - Parameter fingerprint: space fingerprint of the model whose values the request holds; empty for any.
  /// - Throws: FAILED_PRECONDITION (MODEL_MISMATCH) unless it is this model's.
  package func requireSpace(_ fingerprint: String, field: String) throws(ServiceFailure) {
    guard fingerprint.isEmpty || fingerprint == spaceFingerprint else {
      throw ServiceFailure(
        .modelMismatch,
        "the request's values are of \(fingerprint.prefix(12)), this server's model \(name) \(version) is of "
          + "\(spaceFingerprint.prefix(12)); serve both from the same checkpoint and with the same spaces",
        field: field)
    }
  }
}
