// SPDX-License-Identifier: Apache-2.0

package import SwiftProtobuf

// What the changes of an index have in common on the wire, so that callers and the service need one way for all of them.

/// Asks for a change of what serves an index.
package protocol ServingChangeRequest: Message {
  var index: String { get set }
  var change: Retrieval_Change { get set }
}

extension ServingChangeRequest {
  package init(of index: String, _ change: Retrieval_Change) {
    self.init()
    self.index = index
    self.change = change
  }
}

/// Says what serves an index after a change.
package protocol ServingChangeResponse: Message {
  var servingState: Retrieval_ServingState { get set }
}

extension ServingChangeResponse {
  package init(_ servingState: Retrieval_ServingState) {
    self.init()
    self.servingState = servingState
  }
}

extension Retrieval_RollbackVersionRequest: ServingChangeRequest {}
extension Retrieval_AdvanceRolloutRequest: ServingChangeRequest {}
extension Retrieval_PauseRolloutRequest: ServingChangeRequest {}
extension Retrieval_ResumeRolloutRequest: ServingChangeRequest {}
extension Retrieval_RollbackRolloutRequest: ServingChangeRequest {}

extension Retrieval_PromoteVersionResponse: ServingChangeResponse {}
extension Retrieval_RollbackVersionResponse: ServingChangeResponse {}
extension Retrieval_StartRolloutResponse: ServingChangeResponse {}
extension Retrieval_AdvanceRolloutResponse: ServingChangeResponse {}
extension Retrieval_PauseRolloutResponse: ServingChangeResponse {}
extension Retrieval_ResumeRolloutResponse: ServingChangeResponse {}
extension Retrieval_RollbackRolloutResponse: ServingChangeResponse {}
