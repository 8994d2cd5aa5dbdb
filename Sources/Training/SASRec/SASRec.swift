// SPDX-License-Identifier: Apache-2.0

package import Evaluation
import Kernels
import Synchronization

/// A trained SASRec as a method of recommendation.
package final class SASRec: RankingMethod {
  package let name = "sasrec"
  package let weights: SASRecWeights
  package let usersAtOnce = 128
  private let network: Mutex<SASRecNetwork>

  /// - Parameter threads: of the computation; one for each CPU of the process by default.
  package init(weights: SASRecWeights, threads: Int? = nil) {
    self.weights = weights
    network = Mutex(SASRecNetwork(weights, team: ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs)))
  }

  init(weights: SASRecWeights, team: ComputeTeam) {
    self.weights = weights
    network = Mutex(SASRecNetwork(weights, team: team))
  }

  package func scores(of queries: [RankingQuery]) -> [[Float]] {
    network.withLock { network in
      let batch = SASRecBatch(queries.map { $0.history[...] }, length: network.settings.length)
      let pass = network.forward(batch)
      return zip(queries, batch.lastRows).map { query, row in
        network.team.scores(
          ofRow: row, of: pass.output, with: query.candidates.map { Int32($0) }, in: network.items.tensor)
      }
    }
  }
}
