// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import SwiftProtobuf

/// Who did what to a rollout, when and why: its part of the index's audit log.
enum RolloutTrail {
  /// Oldest first, from the rollout's start until that of the next one.
  ///
  /// - Parameter number: the rollout's.
  static func entries(
    of index: String, rollout number: UInt64, _ admin: IndexAdmin
  ) async throws -> [Retrieval_AuditEntry] {
    var entries: [Retrieval_AuditEntry] = []
    var token = ""
    repeat {
      let page = try await admin.listAuditEntries(
        .with { [token] in
          $0.index = index
          $0.pageSize = 1000
          $0.pageToken = token
        })
      entries += page.entries
      token = page.nextPageToken
    } while !token.isEmpty && !entries.contains { isStart($0, of: number) }
    return part(of: entries, rollout: number)
  }

  /// - Parameter entries: of the log, newest first.
  static func part(of entries: [Retrieval_AuditEntry], rollout number: UInt64) -> [Retrieval_AuditEntry] {
    guard let start = entries.firstIndex(where: { isStart($0, of: number) }) else { return [] }
    let later = entries[..<start]
    let next = later.lastIndex { isStart($0, of: nil) }
    return entries[(next.map { $0 + 1 } ?? 0)...start].reversed()
  }

  /// How the rollout ended, as its part of the log tells; nil where it does not.
  static func end(of trail: [Retrieval_AuditEntry]) -> Retrieval_RolloutPhase? {
    for entry in trail.reversed() {
      switch entry.kind {
      case .rolloutSucceeded: return .succeeded
      case .rolloutRolledBack: return .rolledBack
      default: continue
      }
    }
    // A start that found one of its versions broken has rolled it back.
    return trail.contains { $0.kind == .recovered } ? .rolledBack : nil
  }

  /// The log names the rollout in its details: "rollout 3, stage 1 of 4".
  private static func isStart(_ entry: Retrieval_AuditEntry, of number: UInt64?) -> Bool {
    guard entry.title == "rollout_started" else { return false }
    return number.map { entry.detail.utf8.starts(with: "rollout \($0),".utf8) } ?? true
  }
}

extension Retrieval_AuditEntry {
  /// "2026-11-29 20:40:11 UTC, paused by ann@host: over the weekend"
  var sentence: String {
    let why = reason.isEmpty ? "" : ": \(reason)"
    return "\(time.secondText) UTC, \(deed) by \(actor.isEmpty ? "somebody unnamed" : actor)\(why)"
  }
}
