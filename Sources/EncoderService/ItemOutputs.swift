// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport

/// What to answer for an item, and how its numbers are written.
struct ItemOutputs: Sendable {
  struct Kinds: OptionSet, Sendable {
    let rawValue: Int

    static let embedding = Kinds(rawValue: 1)
    static let softToken = Kinds(rawValue: 2)
    static let itemVector = Kinds(rawValue: 4)
  }

  var kinds: Kinds
  var dataType: Common_DataType

  /// - Parameter path: in front of the request's `outputs` and `output_type`, with its full stop.
  init(
    _ outputs: [Encoder_Output], as dataType: Common_DataType, path: String = ""
  ) throws(ServiceFailure) {
    var kinds: Kinds = []
    for (index, output) in outputs.enumerated() {
      guard let kind = Kinds(output) else {
        throw ServiceFailure(
          .outputUnknown,
          "output \(output.rawValue) is not known; use EMBEDDING, SOFT_TOKEN or ITEM_VECTOR",
          field: "\(path)outputs[\(index)]")
      }
      kinds.insert(kind)
    }
    self.kinds = kinds
    self.dataType = try dataType.resolved(field: "\(path)output_type")
  }
}

extension ItemOutputs.Kinds {
  /// Nil for what is not a kind.
  init?(_ output: Encoder_Output) {
    switch output {
    case .embedding: self = .embedding
    case .softToken: self = .softToken
    case .itemVector: self = .itemVector
    case .unspecified, .UNRECOGNIZED: return nil
    }
  }
}
