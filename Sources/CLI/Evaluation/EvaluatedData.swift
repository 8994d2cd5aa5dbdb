// SPDX-License-Identifier: Apache-2.0

import Datasets

/// A dataset, and whether its user still wants it computed with.
struct EvaluatedData: Sendable {
  let dataset: Dataset
  let interruption: InterruptionFlag
}
