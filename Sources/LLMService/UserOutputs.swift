// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport

/// What a request wants for each of its users.
struct UserOutputs: OptionSet, Sendable {
  let rawValue: Int

  static let userVector = UserOutputs(rawValue: 1 << 0)
  static let hiddenState = UserOutputs(rawValue: 1 << 1)
  static let spaceVectors = UserOutputs(rawValue: 1 << 2)

  init(rawValue: Int) {
    self.rawValue = rawValue
  }

  /// The user vector when nothing is asked for.
  ///
  /// - Parameter field: path of the list in the request.
  init(_ outputs: [LLM_UserOutput], field: String) throws(ServiceFailure) {
    self = outputs.isEmpty ? .userVector : []
    for (index, output) in outputs.enumerated() {
      switch output {
      case .userVector: insert(.userVector)
      case .hiddenState: insert(.hiddenState)
      case .spaceVectors: insert(.spaceVectors)
      case .unspecified, .UNRECOGNIZED:
        throw ServiceFailure(
          .outputUnknown,
          "output \(output.rawValue) is not known; use USER_VECTOR, HIDDEN_STATE or SPACE_VECTORS",
          field: "\(field)[\(index)]")
      }
    }
  }
}
