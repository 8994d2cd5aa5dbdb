// SPDX-License-Identifier: Apache-2.0

import ModelServing
import ServiceSupport

extension ServiceFailure {
  /// What a client is told of one user's failure among others.
  init(ofUser error: any Error) { self.init(of: "user", error) }
}
