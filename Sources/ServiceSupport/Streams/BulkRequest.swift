// SPDX-License-Identifier: Apache-2.0

/// A message of a ``BulkStream``: the stream's configuration, or one of the elements that follow it.
package protocol BulkRequest: Sendable {
  associatedtype Config: Sendable
  associatedtype Element: Sendable

  /// Nil when the message holds neither.
  var content: BulkContent<Config, Element>? { get }
  /// What a client is told that sends anything but an element after the configuration.
  static var elementMissing: ServiceFailure { get }
}

package enum BulkContent<Config: Sendable, Element: Sendable>: Sendable {
  case config(Config)
  case element(Element)
}
