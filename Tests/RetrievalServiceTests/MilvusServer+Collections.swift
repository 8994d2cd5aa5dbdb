// SPDX-License-Identifier: Apache-2.0

import Foundation
import MilvusBackend
import TestSupport
import VectorIndex

extension MilvusServer {
  /// Nil when vectors are to lie in the data directory.
  static var settings: MilvusSettings? { address.map { MilvusSettings(address: $0) } }

  /// The collections of the data directory with this id; nil when there is no server.
  static func collections(of id: String) async throws -> [String]? {
    guard let settings else { return nil }
    let backend = try MilvusBackend(settings)
    let names = try await backend.collections(withPrefix: "illmrec_\(id)_")
    await backend.shutdown()
    return names
  }
}
