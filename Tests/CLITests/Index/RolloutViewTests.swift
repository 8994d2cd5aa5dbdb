// SPDX-License-Identifier: Apache-2.0

import Basics
import ServiceAPI
import SwiftProtobuf
import Testing

@testable import CLI

@Suite("A rollout is shown in a window of any width, and whole")
struct RolloutViewTests {
  private static let pipe = Terminal(descriptor: -1, isInteractive: false, usesColour: false)

  private static func window(_ columns: Int, rows: Int = 24, usesColour: Bool = false) -> Terminal {
    Terminal(descriptor: -1, isInteractive: true, usesColour: usesColour, size: .init(columns: columns, rows: rows))
  }

  private static func serving(reason: String = "") -> Retrieval_ServingState {
    .with {
      $0.index = "items"
      $0.rollout.number = 3
      $0.rollout.candidateVersion = "items/versions/2"
      $0.rollout.baselineVersion = "items/versions/1"
      $0.rollout.phase = .running
      $0.rollout.reason = reason
      $0.rollout.plan.stages = [.with { $0.canaryPermille = 100 }, .with { $0.canaryPermille = 1000 }]
    }
  }

  private static let figures = Retrieval_RolloutFigures.with {
    ($0.baseline.queries, $0.baseline.routingKeys) = (360, 46)
    ($0.candidate.queries, $0.candidate.routingKeys) = (40, 5)
    $0.candidate.errors = 23
    $0.candidate.failures = ["DEADLINE_EXCEEDED": 3, "BACKEND_UNAVAILABLE": 20]
    $0.candidate.fallbacks = 12
    $0.gates = [
      .with {
        ($0.kind, $0.verdict, $0.detail) = (.errors, .failed, "23 of 40 searches of the candidate failed")
        ($0.value, $0.lower, $0.upper, $0.bound) = (0.575, 0.3, 0.8, 0.002)
        ($0.samples, $0.requiredSamples) = (40, 20)
      },
      .with {
        ($0.kind, $0.verdict, $0.bound) = (.overlap, .waiting, 0.5)
        $0.requiredSamples = 1000
      },
      .with { ($0.gate, $0.verdict, $0.detail) = ("sample_ratio", .holding, "30 of 1000") },
    ]
  }

  private static let trail: [Retrieval_AuditEntry] = [
    .with {
      ($0.number, $0.kind, $0.actor, $0.reason) = (7, .rolloutStarted, "ann@host", "100 more films")
      $0.time.seconds = 1_795_984_811
    },
    .with {
      ($0.number, $0.kind, $0.actor) = (8, .rolloutPaused, "")
      $0.time.seconds = 1_795_984_900
    },
  ]

  private static func text(_ terminal: Terminal) -> [String] {
    RolloutView(serving(), figures, trail: trail).lines(for: terminal)
  }

  @Test
  func `Shares, gates with their thresholds, who and why are told; into a pipe in lines that are not wrapped`() {
    let lines = Self.text(Self.pipe)
    #expect(lines.contains { $0.hasPrefix("  candidate   9.8%      10%") })
    #expect(lines.contains { $0.hasPrefix("  stable     90.2%      90%") })
    #expect(
      lines.contains(
        "  gate FAILED  errors: 0.5750 [0.3000, 0.8000], at most 0.0020, on 40 samples; "
          + "23 of 40 searches of the candidate failed"))
    #expect(lines.contains("  gate waiting overlap: nothing measured, at least 0.500, on 0 of 1,000 samples"))
    #expect(lines.contains("  gate HOLDS   sample_ratio: 30 of 1000"), "a server that tells its details alone")
    #expect(
      lines.contains(
        "  candidate failed callers: 20 BACKEND_UNAVAILABLE, 3 DEADLINE_EXCEEDED, 12 of them answered by stable"))
    #expect(lines.contains("  2026-11-29 20:40:11 UTC, started by ann@host: 100 more films"))
    #expect(lines.contains("  2026-11-29 20:41:40 UTC, paused by somebody unnamed"))
  }

  @Test(arguments: [1, 2, 9, 20, 40, 60, 80, 200])
  func `No line is wider than the window, and no letter is lost`(columns: Int) {
    func letters(_ lines: [String]) -> String {
      String(lines.joined().filter { !$0.isWhitespace })
    }
    let lines = Self.text(Self.window(columns))
    #expect(lines.allSatisfy { DisplayWidth.of($0) <= max(columns - 1, 1) })
    // A narrow window has paragraphs in place of the table.
    guard columns >= 80 else {
      #expect(letters(lines).contains("candidate:share9.8%,planned10%,queries40,errors23"))
      return
    }
    #expect(letters(lines) == letters(Self.text(Self.pipe)))
  }

  @Test
  func `Words stay whole, and later lines of a paragraph stand under its text`() {
    let text = WrappedText("gate open: a mean of many queries", indent: 2, hanging: 4)
    #expect(
      text.lines(columns: 16) { text, _ in text } == ["  gate open: a", "      mean of", "      many", "      queries"])
    var styled = WrappedText("is ", hanging: 0)
    styled.add("very long", .red)
    styled.add(".")
    #expect(styled.lines(columns: 7) { text, _ in "<\(text)>" } == ["is <very>", "<long>."])
  }

  @Test(arguments: [
    "\u{1B}[2J\u{1B}[H", "a\rb\nc", "\u{202E}evil\u{2066}", "\u{9B}31m", "\u{2028}x", "\u{200F}x\u{61C}",
  ])
  func `What moves the cursor or turns the writing around is shown as its number`(name: String) {
    let serving = Self.serving(reason: name)
    let figures = Retrieval_RolloutFigures.with {
      $0.candidate.failures = [name: 1]
      $0.outcomes = [.with { $0.kind = name }]
      $0.gates = [.with { ($0.kind, $0.outcomeKind, $0.detail) = (.outcome, name, name) }]
    }
    let trail = [Retrieval_AuditEntry.with { ($0.actor, $0.reason) = (name, name) }]
    let view = RolloutView(serving, figures, trail: trail).lines(for: Self.window(80))
    let line = RolloutLine(serving: serving, figures: figures)
    for text in view + [line.text, line.text(of: trail[0])] {
      #expect(!text.unicodeScalars.contains(where: VisibleText.isActive))
    }
    #expect(view.joined().contains("\\u{"))
  }

  @Test
  func `A name of ten thousand letters is whole in the view, and the window holds what fits`() {
    let name = String(repeating: "x", count: 10_000)
    let lines = RolloutView(Self.serving(reason: name), Self.figures).lines(for: Self.window(80))
    #expect(lines.joined().count { $0 == "x" } >= 10_000)
    #expect(lines.allSatisfy { DisplayWidth.of($0) < 80 })
    let shown = LiveScreen.fitting(lines, in: .init(columns: 80, rows: 24))
    #expect(shown.count == 23 && shown[22].hasPrefix("… \(lines.count - 22) more lines: "))
    #expect(LiveScreen.fitting(["a", "b"], in: .init(columns: 80, rows: 24)) == ["a", "b"])
  }

  @Test
  func `Without a rollout, figures or a sound stage there is something to read`() {
    let none = RolloutView(.with { ($0.index, $0.stableVersion) = ("items", "items/versions/1") }, nil)
    #expect(none.lines(for: Self.pipe) == ["Index items answers from items/versions/1. No rollout yet."])
    let serving = Retrieval_ServingState.with {
      $0.rollout.phase = .running
      $0.rollout.stage = 9
    }
    #expect(!RolloutView(serving, .init()).lines(for: Self.window(80)).isEmpty)
    #expect(RolloutLine(serving: serving, figures: nil).text.contains("running"))
  }

  @Test
  func `Elsewhere a rollout is one line, and each change another`() {
    let line = RolloutLine(serving: Self.serving(), figures: Self.figures)
    #expect(
      line.text == "items rollout 3, running, stage 1 of 2, canary 10% (9.8% seen), canary 40 of 400 queries, "
        + "23 errors of the candidate, gate errors failed (0.5750, at most 0.0020), "
        + "gate overlap waiting (nothing measured, at least 0.500), gate sample_ratio holds")
    #expect(
      line.text(of: Self.trail[0])
        == "items rollout 3, 2026-11-29 20:40:11 UTC, started by ann@host: 100 more films")
  }

  @Test
  func `A rollout's part of the log begins with its start and ends with the next one's`() {
    func entry(_ number: UInt64, _ kind: Retrieval_AuditAction, _ detail: String = "") -> Retrieval_AuditEntry {
      .with { ($0.number, $0.kind, $0.detail) = (number, kind, detail) }
    }
    let log = [
      entry(8, .rolloutPaused), entry(7, .rolloutStarted, "rollout 11, stage 1 of 2"), entry(6, .promoted),
      entry(5, .rolloutRolledBack), entry(4, .rolloutAdvanced), entry(3, .rolloutStarted, "rollout 1, stage 1 of 2"),
      entry(2, .published), entry(1, .published),
    ]
    #expect(RolloutTrail.part(of: log, rollout: 1).map(\.number) == [3, 4, 5, 6])
    #expect(RolloutTrail.part(of: log, rollout: 11).map(\.number) == [7, 8])
    #expect(RolloutTrail.part(of: log, rollout: 2).isEmpty && RolloutTrail.part(of: [], rollout: 1).isEmpty)
  }
}
