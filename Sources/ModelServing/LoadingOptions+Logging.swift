// SPDX-License-Identifier: Apache-2.0

package import Logging
package import Models
import ServiceSupport

extension LoadingOptions {
  /// These, reporting to `logger`: loading takes minutes from a cold disk, and silence would look like a hang.
  package func reporting(to logger: Logger) -> LoadingOptions {
    let log = ProgressLog(logger)
    var options = self
    options.report = { event in
      switch event {
      case .progress(let what, let done, let total): log.progress(what, done: done, total: total)
      case .note(let text): logger.notice("\(text)")
      case .warning(let text): logger.warning("\(text)")
      }
    }
    return options
  }
}
