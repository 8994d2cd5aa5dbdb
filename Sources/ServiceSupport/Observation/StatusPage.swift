// SPDX-License-Identifier: Apache-2.0

import Logging
import Pages

/// A page about one process for a person with a browser.
struct StatusPage {
  let name: String
  let phase: ServiceWatch.Phase
  let uptime: Duration
  let settings: Settings
  /// Full names of what is served.
  let services: [String]

  /// What a page cannot say of itself in its own head.
  static let headers = [
    (name: "Content-Security-Policy", value: "\(HTMLPage.policy); frame-ancestors 'none'"),
    (name: "Referrer-Policy", value: "no-referrer"),
  ]

  var html: String {
    let facts = [
      PageFacts.Fact(name: "state", value: phase.rawValue), PageFacts.Fact(name: "version", value: Product.version),
      PageFacts.Fact(name: "up for", value: Self.text(uptime)),
    ]
    let rows = settings.metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { name, value in
      PageTable.Row(head: name, cells: [Self.isSecret(name) ? "hidden" : value.description])
    }
    return HTMLPage(
      heading: "illmrec \(name)", introduction: [PageFacts(facts: facts)],
      content: [
        PageSection("Served", [PageList(items: services.isEmpty ? ["nothing yet"] : services.sorted())]),
        PageSection("For programs", [PageList(items: ["/metrics", "/healthz", "/readyz"])]),
        PageSection("Settings", [PageTable(rows)]),
      ]
    ).html
  }

  /// Secrets come in files and variables and are no settings; one that is made a setting by mistake is not shown either.
  private static func isSecret(_ name: String) -> Bool {
    ["token", "password", "secret", "key"].contains { name == $0 || name.hasSuffix("-\($0)") }
  }

  /// Two units at most, such as "3 d 4 h".
  private static func text(_ time: Duration) -> String {
    let seconds = Int(time / .seconds(1))
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60)
    if days > 0 { return "\(days) d \(hours) h" }
    if hours > 0 { return "\(hours) h \(minutes) min" }
    return minutes > 0 ? "\(minutes) min \(seconds % 60) s" : "\(seconds) s"
  }
}
