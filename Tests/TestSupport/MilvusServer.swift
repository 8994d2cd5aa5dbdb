// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The Milvus server that tests run against: named by the environment, so that the same tests hold for both places where
/// vectors can be.
package enum MilvusServer {
  /// For tests that need one.
  package static let hint = "no Milvus server: set ILLMREC_MILVUS_ADDRESS, or run make test-milvus"

  /// Nil when there is none.
  package static let address = ProcessInfo.processInfo.environment["ILLMREC_MILVUS_ADDRESS"]

  package static var isUsed: Bool { address != nil }
}
