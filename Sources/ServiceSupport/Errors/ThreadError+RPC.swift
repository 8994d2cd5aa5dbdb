// SPDX-License-Identifier: Apache-2.0

package import Basics
package import GRPCCore

extension ServiceFailure {
  package init(_ error: ThreadError) {
    self.init(.noThread, error.message)
  }
}

/// Thrown from a handler, it reaches the client as the ``ServiceFailure`` that it is.
extension ThreadError: RPCErrorConvertible {
  package var rpcErrorCode: RPCError.Code { ServiceFailure(self).rpcErrorCode }
  package var rpcErrorMessage: String { ServiceFailure(self).rpcErrorMessage }
  package var rpcErrorMetadata: Metadata { ServiceFailure(self).rpcErrorMetadata }
}
