// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A stream that filled the draft, or fills it now. It is on the disk from before its first item until its sound end, so that one that
/// broke off is known for what it is, after the process has ended as well.
package struct DraftFill: Sendable, Equatable {
  /// At random, so that it is known before it is on the disk.
  package let number: Int64
  /// As they said; may be empty.
  package let actor: String
  /// Who, for people to read.
  package let who: String
  /// Since 1970.
  package let begunMicros: Int64
  /// Whether the draft was to become what the stream brings and nothing else.
  package let syncs: Bool

  /// Of a stream that begins now.
  package init(actor: String, who: String, syncs: Bool = false) {
    self.init(
      number: .random(in: 1 ... .max), actor: actor, who: who,
      begunMicros: Int64((Date().timeIntervalSince1970 * 1e6).rounded()), syncs: syncs)
  }

  init(number: Int64, actor: String, who: String, begunMicros: Int64, syncs: Bool) {
    self.number = number
    self.actor = actor
    self.who = who
    self.begunMicros = begunMicros
    self.syncs = syncs
  }

  /// Whether this one, which broke off, is made good by `later`, which ended soundly. Whoever was interrupted does the same again, as
  /// their name says; but where the whole draft was to be replaced, nothing less than that brings what is missing.
  func isMadeGood(by later: DraftFill) -> Bool {
    later.syncs || !syncs && actor.utf8.elementsEqual(later.actor.utf8)
  }
}
