// SPDX-License-Identifier: Apache-2.0

import Logging
import Models

extension EncoderServer {
  /// Computes an image before anybody calls, so that the first caller finds the kernels' threads started and the weights' pages in
  /// memory. Blocks, and before the tower has a thread of its own. A failure is said, and is no reason not to serve.
  static func warmUp(_ tower: some EncoderTower, logger: Logger) {
    let start = ContinuousClock.now
    let (height, width) = (tower.preprocessing.height, tower.preprocessing.width)
    let grey = PreparedImage(height: height, width: width, values: [Float](repeating: 0, count: 3 * height * width))
    do {
      _ = try tower.embeddings(of: [grey])
      logger.notice("warmed up", metadata: ["seconds": "\(start.duration(to: .now) / .seconds(1))"])
    } catch {
      logger.warning("the first image could not be computed", metadata: ["error": "\(error)"])
    }
  }
}
