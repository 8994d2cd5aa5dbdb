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
      kinds.insert(try Kinds(output, field: "\(path)outputs[\(index)]"))
    }
    self.kinds = kinds
    self.dataType = try dataType.resolved(field: "\(path)output_type")
  }

  /// Of a request for one value of each item: the item vector when it does not say.
  init(one output: Encoder_Output, as dataType: Common_DataType) throws(ServiceFailure) {
    kinds = try output == .unspecified ? .itemVector : Kinds(output, field: "output")
    self.dataType = try dataType.resolved(field: "output_type")
  }
}

extension ItemOutputs.Kinds {
  init(_ output: Encoder_Output, field: String) throws(ServiceFailure) {
    switch output {
    case .embedding: self = .embedding
    case .softToken: self = .softToken
    case .itemVector: self = .itemVector
    case .unspecified, .UNRECOGNIZED:
      throw ServiceFailure(
        .outputUnknown, "output \(output.rawValue) is not known; use EMBEDDING, SOFT_TOKEN or ITEM_VECTOR",
        field: field)
    }
  }
}
