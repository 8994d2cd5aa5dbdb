// SPDX-License-Identifier: Apache-2.0

package import Models
package import ServiceSupport

/// What a service may load beside what it was started with.
package struct TrainingsConfiguration: Sendable {
  /// Where checkpoints may be loaded from; nil for nowhere.
  package let directory: TrainingsDirectory?
  /// Held at a time, those included that wait for their last request.
  package let maxTrainings: Int
  /// Of every training.
  package let spaces: [Space]
  /// The file that remembers what was loaded; nil to remember nothing.
  package let memory: String?
  /// The frozen LLM's directory when it does not lie in the checkpoints.
  package var llmWeights: String?
  /// The retrieval service that is asked which versions need a training before it is taken out; nil to ask none.
  package var retrieval: String?
  /// How that is called.
  package var outgoing: ClientOptions
  /// When it has not answered in this time, it is taken for one that cannot be reached.
  package var answerTime = Duration.seconds(5)

  package init(
    directory: TrainingsDirectory? = nil, memory: String? = nil, maxTrainings: Int = 8, spaces: [Space] = [.image],
    llmWeights: String? = nil, retrieval: String? = nil, outgoing: ClientOptions = ClientOptions()
  ) {
    self.directory = directory
    self.memory = memory
    self.maxTrainings = maxTrainings
    self.spaces = spaces
    self.llmWeights = llmWeights
    self.retrieval = retrieval
    self.outgoing = outgoing
  }
}
