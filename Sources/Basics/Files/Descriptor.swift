// SPDX-License-Identifier: Apache-2.0

import Glibc

/// An open file descriptor, closed with its last reference.
package final class Descriptor: Sendable {
  package let number: Int32

  package init(takingOwnershipOf number: Int32) { self.number = number }

  deinit { close(number) }
}
